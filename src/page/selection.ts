import type { StoredFile } from '../client/create-signpost.ts';
import { find, setText } from './dom.ts';
import { texts } from './texts.ts';

type SelectionActions = Record<'download' | 'archive' | 'restore' | 'remove', (files: StoredFile[]) => void>;

/** The files that are ticked, and the bar that acts on them all. */
export function createSelection(actions: SelectionActions, listed: () => readonly StoredFile[], onChange: () => void) {
  const bar = find(document, '#selection', HTMLElement);
  const heading = find(document, '#files h2', HTMLElement);
  const selected = new Map<string, StoredFile>();
  const clear = () => selected.clear();
  const buttons = (['download', 'archive', 'restore', 'remove'] as const).map((name) => {
    const button = find(bar, `.${name}`, HTMLButtonElement);
    button.addEventListener('click', () => {
      const files = [...selected.values()].filter((file) => isFor(name, file));
      clear();
      onChange();
      actions[name](files);
    });
    return { name, button };
  });
  find(bar, '.all', HTMLButtonElement).addEventListener('click', () => {
    for (const file of listed()) selected.set(file.fileId, file);
    onChange();
  });
  find(bar, '.none', HTMLButtonElement).addEventListener('click', () => {
    clear();
    onChange();
  });

  return {
    clear,
    has: (fileId: string): boolean => selected.has(fileId),
    set: (file: StoredFile, isSelected: boolean): void => {
      if (isSelected) selected.set(file.fileId, file);
      else selected.delete(file.fileId);
      onChange();
    },
    render: (): void => {
      const files = [...selected.values()];
      if (files.length === 0 && bar.contains(document.activeElement)) heading.focus();
      bar.hidden = files.length === 0;
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      setText(find(bar, '.summary', HTMLElement), files.length === 0 ? '' : texts.selected(files.length, bytes));
      for (const { name, button } of buttons) button.hidden = !files.some((file) => isFor(name, file));
    },
  };
}

function isFor(action: keyof SelectionActions, { status }: StoredFile): boolean {
  if (action === 'restore') return status === 'archived';
  return action === 'remove' || status === 'active';
}

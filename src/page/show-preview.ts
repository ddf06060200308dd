import type { StoredFile } from '../client/create-signpost.ts';
import { find, setIcon, setText } from './dom.ts';
import { explain } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes, joinFacts } from './format.ts';
import type { Preview } from './read-preview.ts';
import { showHeading } from './show-name.ts';
import { texts } from './texts.ts';

type PreviewActions = {
  read: (file: StoredFile) => Promise<Preview>;
  download: (file: StoredFile) => void;
  details: (file: StoredFile) => void;
  /** The next file in the list, or the previous one; null at its end. */
  neighbour: (fileId: string, step: 1 | -1) => StoredFile | null;
};

/** The preview in a modal dialog, with the files before and after it. */
export function createPreview({ read, download, details, neighbour }: PreviewActions) {
  const dialog = find(document, '#preview', HTMLDialogElement);
  const heading = find(dialog, 'h2', HTMLElement);
  const stage = find(dialog, '.stage', HTMLElement);
  const problem = find(dialog, '.problem', HTMLElement);
  const close = find(dialog, '.close', HTMLButtonElement);
  const steps = [
    { button: find(dialog, '.previous', HTMLButtonElement), step: -1, key: 'ArrowLeft' },
    { button: find(dialog, '.next', HTMLButtonElement), step: 1, key: 'ArrowRight' },
  ] as const;
  let shown: StoredFile | null = null;
  let release = () => {};

  const clear = () => {
    release();
    release = () => {};
    // Otherwise media would keep playing in a closed dialog.
    stage.replaceChildren();
  };
  const showNote = (file: StoredFile, text: string) => {
    const note = document.createElement('p');
    note.textContent = text;
    const tile = document.importNode(find(document, 'template#file-row', HTMLTemplateElement).content, true);
    const icon = find(tile, '.tile', HTMLElement);
    icon.dataset.kind = kindOf(file.contentType, file.fileName);
    setIcon(icon, kindOf(file.contentType, file.fileName));
    const box = document.createElement('div');
    box.append(icon, note);
    stage.dataset.kind = 'note';
    stage.replaceChildren(box);
  };

  const fill = async (file: StoredFile) => {
    const preview = await read(file);
    if (shown !== file) {
      if ('release' in preview) preview.release();
      return;
    }
    if ('note' in preview) return showNote(file, preview.note);
    release = preview.release;
    preview.content.addEventListener('error', () => shown === file && showNote(file, texts.notShown));
    stage.dataset.kind = preview.kind;
    stage.replaceChildren(preview.content);
  };

  const show = async (file: StoredFile) => {
    clear();
    shown = file;
    showHeading(heading, file.fileName);
    setText(find(dialog, '.meta', HTMLElement), joinFacts([formatBytes(file.size), file.contentType]));
    setText(problem, '');
    stage.dataset.kind = 'loading';
    for (const { button, step } of steps) {
      const isEnd = neighbour(file.fileId, step) === null;
      // A button that is disabled loses the focus, and then the arrow keys have no effect.
      if (isEnd && button === document.activeElement) close.focus();
      button.disabled = isEnd;
    }
    try {
      await fill(file);
    } catch (error) {
      if (shown !== file) return;
      stage.dataset.kind = 'note';
      setText(problem, explain(error));
    }
  };
  const move = (step: 1 | -1) => {
    const next = shown && neighbour(shown.fileId, step);
    if (next) void show(next);
  };

  dialog.addEventListener('close', () => {
    shown = null;
    clear();
  });
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener('keydown', (event) => {
    // There the arrows have a meaning of their own.
    if (event.target instanceof HTMLMediaElement || event.target instanceof HTMLPreElement) return;
    for (const { step, key } of steps) if (event.key === key) move(step);
  });
  for (const { button, step } of steps) button.addEventListener('click', () => move(step));
  close.addEventListener('click', () => dialog.close());
  find(dialog, '.download', HTMLButtonElement).addEventListener('click', () => shown && download(shown));
  find(dialog, '.details', HTMLButtonElement).addEventListener('click', () => {
    const file = shown;
    dialog.close();
    if (file) details(file);
  });

  return (file: StoredFile): void => {
    dialog.showModal();
    void show(file);
  };
}

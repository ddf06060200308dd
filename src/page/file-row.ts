import type { StoredFile } from '../client/create-signpost.ts';
import { copyTemplate, find, setIcon, setText } from './dom.ts';
import { kindOf } from './file-kind.ts';
import { formatAgo, formatBytes, joinFacts } from './format.ts';
import { showName } from './show-name.ts';
import { texts } from './texts.ts';

export type RowActions = {
  preview: (file: StoredFile) => void;
  download: (file: StoredFile) => void;
  details: (file: StoredFile) => void;
  remove: (file: StoredFile) => void;
  select: (file: StoredFile, isSelected: boolean) => void;
  /** Shows its picture in the tile when the row is seen. */
  watch: (row: HTMLElement, file: StoredFile, tile: HTMLElement) => void;
};

export type FileRow = ReturnType<typeof createFileRow>;

/** One stored file with its buttons. A file that has changed gets another row. */
export function createFileRow(file: StoredFile, actions: RowActions) {
  const element = copyTemplate('file-row');
  const tile = find(element, '.tile', HTMLElement);
  const meta = find(element, '.meta', HTMLElement);
  const box = find(element, '.pick', HTMLInputElement);
  tile.dataset.kind = kindOf(file.contentType, file.fileName);
  setIcon(tile, kindOf(file.contentType, file.fileName));
  element.dataset.status = file.status;
  showName(find(element, '.name', HTMLElement), file.fileName);
  box.setAttribute('aria-label', texts.select(file.fileName));
  box.addEventListener('change', () => actions.select(file, box.checked));
  const open = find(element, '.open', HTMLButtonElement);
  const isReadable = file.status === 'active';
  open.addEventListener('click', () => (isReadable ? actions.preview(file) : actions.details(file)));
  for (const [name, label, act] of [
    ['.download', texts.download, actions.download],
    ['.details', texts.details, actions.details],
    ['.delete', texts.delete, actions.remove],
  ] as const) {
    const button = find(element, name, HTMLButtonElement);
    button.setAttribute('aria-label', label(file.fileName));
    button.hidden = name === '.download' && !isReadable;
    button.addEventListener('click', () => act(file));
  }
  actions.watch(element, file, tile);
  /** Its age changes. */
  const render = (isSelected: boolean): void => {
    const text = describeFile(file);
    setText(meta, text);
    // Screen readers would pause between its two parts.
    open.setAttribute('aria-label', `${file.fileName}, ${text}`);
    if (box.checked !== isSelected) box.checked = isSelected;
  };
  return { file, element, render };
}

/** `48.2 kB · 5 minutes ago`, and what is special about it. */
function describeFile(file: StoredFile): string {
  const facts = [formatBytes(file.size), formatAgo(file.createdAt, Date.now())];
  if (file.status === 'active') return joinFacts(facts);
  if (file.status !== 'rejected') return joinFacts([...facts, texts.statuses[file.status]]);
  return `${joinFacts(facts)} · ${texts.rejected(file.rejection ?? texts.rejectedWhy)}`;
}

import type { StoredFile } from '../client/create-signpost.ts';
import { copyTemplate, find, setIcon, setText } from './dom.ts';
import { kindOf } from './file-kind.ts';
import { formatAgo, formatBytes, joinFacts } from './format.ts';

export type FileActions = {
  preview: (file: StoredFile) => void;
  download: (file: StoredFile) => void;
  remove: (file: StoredFile) => void;
};

export type FileRow = ReturnType<typeof createFileRow>;

/** One stored file with its buttons. */
export function createFileRow(file: StoredFile, actions: FileActions) {
  const element = copyTemplate('file-row');
  const tile = find(element, '.tile', HTMLElement);
  const meta = find(element, '.meta', HTMLElement);
  tile.dataset.kind = kindOf(file.contentType);
  setIcon(tile, kindOf(file.contentType));
  setText(find(element, '.name', HTMLElement), file.fileName);
  find(element, '.open', HTMLButtonElement).addEventListener('click', () => actions.preview(file));
  for (const [name, verb, act] of [
    ['.download', 'Download', actions.download],
    ['.delete', 'Delete', actions.remove],
  ] as const) {
    const button = find(element, name, HTMLButtonElement);
    button.setAttribute('aria-label', `${verb} ${file.fileName}`);
    button.hidden = file.status === 'held' && verb === 'Download';
    button.addEventListener('click', () => act(file));
  }
  /** Its age changes. */
  const render = (): void => {
    const facts = [formatBytes(file.size), formatAgo(file.createdAt, Date.now())];
    setText(meta, joinFacts(file.status === 'held' ? [...facts, 'waits for a check'] : facts));
  };
  render();
  return { element, render };
}

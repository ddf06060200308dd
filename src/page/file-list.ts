import type { StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { copyTemplate, find, removeRow, setIcon, setText } from './dom.ts';
import { explain } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatAgo, formatBytes, joinFacts } from './format.ts';
import type { Service } from './service.ts';

const RENEW_TIMES_MS = 30_000;

type FileActions = {
  preview: (file: StoredFile) => void;
  download: (file: StoredFile) => void;
  /** Resolves with true if the file was deleted, with false if it was kept. */
  remove: (file: StoredFile) => Promise<boolean>;
};

/** The stored files, newest first, a page at a time. */
export function createFileList(service: Service, actions: FileActions, announce: Announce) {
  const section = find(document, '#files', HTMLElement);
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.summary', HTMLElement);
  const list = find(section, '.rows:not(.skeleton)', HTMLElement);
  const skeleton = find(section, '.skeleton', HTMLElement);
  const empty = find(section, '.empty', HTMLElement);
  const failure = find(section, '.failure', HTMLElement);
  const more = find(section, '.more', HTMLButtonElement);

  const shown = new Map<string, { file: StoredFile; element: HTMLElement; meta: HTMLElement }>();
  let nextCursor: string | null = null;
  let isLoading = false;

  const createRow = (file: StoredFile): HTMLElement => {
    const element = copyTemplate('file-row');
    const tile = find(element, '.tile', HTMLElement);
    const meta = find(element, '.meta', HTMLElement);
    tile.dataset.kind = kindOf(file.contentType);
    setIcon(tile, kindOf(file.contentType));
    setText(find(element, '.name', HTMLElement), file.fileName);
    setText(meta, describe(file));
    find(element, '.open', HTMLButtonElement).addEventListener('click', () => actions.preview(file));
    for (const [name, verb, act] of [
      ['.download', 'Download', () => actions.download(file)],
      ['.delete', 'Delete', () => void remove(file)],
    ] as const) {
      const button = find(element, name, HTMLButtonElement);
      button.setAttribute('aria-label', `${verb} ${file.fileName}`);
      button.hidden = file.status === 'held' && verb === 'Download';
      button.addEventListener('click', act);
    }
    shown.set(file.fileId, { file, element, meta });
    return element;
  };

  const remove = async (file: StoredFile) => {
    if (!(await actions.remove(file))) return;
    const row = shown.get(file.fileId);
    shown.delete(file.fileId);
    if (row) removeRow(row.element, heading);
    announce(`${file.fileName} deleted`);
    render();
  };

  const render = () => {
    setText(summary, shown.size === 0 ? '' : `${shown.size.toLocaleString('en')}${nextCursor === null ? '' : '+'}`);
    skeleton.hidden = !(isLoading && shown.size === 0);
    empty.hidden = isLoading || shown.size > 0 || !failure.hidden || nextCursor !== null;
    more.hidden = nextCursor === null || !failure.hidden;
    section.setAttribute('aria-busy', String(isLoading));
  };

  /** @throws the service's error. */
  const load = async () => {
    isLoading = true;
    failure.hidden = true;
    render();
    try {
      const page = await service.listFiles(nextCursor);
      nextCursor = page.nextCursor;
      // A file uploaded meanwhile may be in the list already.
      const fresh = page.files.filter(({ fileId }) => !shown.has(fileId)).map(createRow);
      list.append(...fresh);
      return fresh;
    } catch (error) {
      failure.hidden = false;
      setText(find(failure, '.problem', HTMLElement), `The files could not be listed. ${explain(error)}`);
      throw error;
    } finally {
      isLoading = false;
      render();
    }
  };

  const loadMore = async () => {
    if (isLoading) return;
    const fresh = await load().catch(() => []);
    announce(`${fresh.length} more`);
    fresh[0]?.querySelector('button')?.focus();
  };
  more.addEventListener('click', loadMore);
  find(failure, '.retry', HTMLButtonElement).addEventListener('click', loadMore);
  setInterval(() => {
    for (const { file, meta } of shown.values()) setText(meta, describe(file));
  }, RENEW_TIMES_MS);

  return {
    load,
    prepend: (files: readonly StoredFile[]): void => {
      list.prepend(...files.toReversed().map(createRow));
      render();
    },
  };
}

function describe(file: StoredFile): string {
  const facts = [formatBytes(file.size), formatAgo(file.createdAt, Date.now())];
  return joinFacts(file.status === 'held' ? [...facts, 'waits for a check'] : facts);
}

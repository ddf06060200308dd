import type { Files, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { find, setText, syncRows } from './dom.ts';
import { explain } from './explain.ts';
import { createFileRow, type FileRow } from './file-row.ts';
import { formatCount } from './format.ts';

const RENEW_TIMES_MS = 30_000;

/** How many files are shown, and how many more at each press of the button: each row costs time. */
const SHOWN_ROWS = 100;

type FileActions = {
  preview: (file: StoredFile) => void;
  download: (file: StoredFile) => void;
  /** Resolves with true if the file was deleted, with false if it was kept. */
  remove: (file: StoredFile) => Promise<boolean>;
};

/** The stored files, newest first, a page at a time. */
export function createFileList(stored: Pick<Files, 'list'>, actions: FileActions, announce: Announce) {
  const section = find(document, '#files', HTMLElement);
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.summary', HTMLElement);
  const list = find(section, '.rows:not(.skeleton)', HTMLElement);
  const skeleton = find(section, '.skeleton', HTMLElement);
  const empty = find(section, '.empty', HTMLElement);
  const failure = find(section, '.failure', HTMLElement);
  const more = find(section, '.more', HTMLButtonElement);

  /** In their order. */
  let files: StoredFile[] = [];
  const rows = new Map<string, FileRow>();
  let shownRows = SHOWN_ROWS;
  let nextCursor: string | null = null;
  let isLoading = false;

  const remove = async (file: StoredFile) => {
    if (!(await actions.remove(file))) return;
    files = files.filter(({ fileId }) => fileId !== file.fileId);
    announce(`${file.fileName} deleted`);
    render();
  };

  const rowOf = (file: StoredFile): FileRow => {
    const row = rows.get(file.fileId) ?? createFileRow(file, { ...actions, remove });
    rows.set(file.fileId, row);
    return row;
  };

  const render = () => {
    const shown = files.slice(0, shownRows);
    const kept = new Set(shown.map(({ fileId }) => fileId));
    for (const fileId of rows.keys()) if (!kept.has(fileId)) rows.delete(fileId);
    syncRows(
      list,
      shown.map((file) => rowOf(file).element),
      heading,
    );
    setText(summary, files.length === 0 ? '' : `${formatCount(files.length)}${nextCursor === null ? '' : '+'}`);
    skeleton.hidden = !(isLoading && files.length === 0);
    empty.hidden = isLoading || files.length > 0 || !failure.hidden || nextCursor !== null;
    more.hidden = (nextCursor === null && files.length <= shownRows) || !failure.hidden;
    section.setAttribute('aria-busy', String(isLoading));
  };

  /** @returns whether it went well; if not, that is shown. */
  const load = async (): Promise<boolean> => {
    isLoading = true;
    failure.hidden = true;
    render();
    try {
      const { value: page } = await stored.list({ ...(nextCursor !== null && { cursor: nextCursor }) }).next();
      if (!page) return true;
      nextCursor = page.nextCursor;
      // A file uploaded meanwhile may be in the list already.
      const known = new Set(files.map(({ fileId }) => fileId));
      files.push(...page.files.filter(({ fileId }) => !known.has(fileId)));
      return true;
    } catch (error) {
      failure.hidden = false;
      setText(find(failure, '.problem', HTMLElement), `The files could not be listed. ${explain(error)}`);
      return false;
    } finally {
      isLoading = false;
      render();
    }
  };

  const loadMore = async () => {
    if (isLoading) return;
    const before = list.children.length;
    shownRows = Math.max(shownRows, before + SHOWN_ROWS);
    if (files.length === before && !(await load())) return;
    render();
    announce(`${formatCount(list.children.length - before)} more`);
    list.children[before]?.querySelector('button')?.focus();
  };
  more.addEventListener('click', loadMore);
  find(failure, '.retry', HTMLButtonElement).addEventListener('click', loadMore);
  setInterval(() => {
    for (const row of rows.values()) row.render();
  }, RENEW_TIMES_MS);

  return {
    load,
    prepend: (arrived: readonly StoredFile[]): void => {
      files = [...arrived.toReversed(), ...files];
      render();
    },
  };
}

import type { Files, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { createListKeys } from './create-list-keys.ts';
import { createPager, type Found, statusesOf } from './create-pager.ts';
import { find, setText, syncRows } from './dom.ts';
import { explain } from './explain.ts';
import { createFileRow, type FileRow, type RowActions } from './file-row.ts';
import { createFindForm } from './find-form.ts';
import { createSelection } from './selection.ts';
import { texts } from './texts.ts';

const RENEW_TIMES_MS = 30_000;

/** How many files are shown, and how many more at each press of the button: each row costs time. */
const SHOWN_ROWS = 100;

export type ListActions = Omit<RowActions, 'select' | 'remove'> & {
  /** Of one file or of many. */
  remove: (files: StoredFile[]) => void;
  downloadAll: (files: StoredFile[]) => void;
  archive: (files: StoredFile[]) => void;
  restore: (files: StoredFile[]) => void;
  /** Whether the file is being deleted. */
  isHidden: (fileId: string) => boolean;
};

/** The stored files: a page at a time, with a search, filters and an order. */
export function createFileList(stored: Pick<Files, 'list'>, actions: ListActions, announce: Announce) {
  const section = find(document, '#files', HTMLElement);
  const heading = find(section, 'h2', HTMLElement);
  const summary = find(section, '.bar .summary', HTMLElement);
  const list = find(section, '.rows:not(.skeleton)', HTMLElement);
  const skeleton = find(section, '.skeleton', HTMLElement);
  const empty = find(section, '.empty', HTMLElement);
  const nothingFound = find(section, '.nothing', HTMLElement);
  const failure = find(section, '.failure', HTMLElement);
  const more = find(section, '.more', HTMLButtonElement);
  const toggle = find(section, '.toggle', HTMLElement);

  /** In their order. */
  let files: StoredFile[] = [];
  const rows = new Map<string, FileRow>();
  let shownRows = SHOWN_ROWS;
  let nextPage: (() => Promise<Found>) | null = null;
  let isComplete = false;
  let isLoading = false;
  let total = '';

  const updateKeys = createListKeys(list);
  const visible = () => files.filter(({ fileId }) => !actions.isHidden(fileId));
  const form = createFindForm(() => void reload());
  const selection = createSelection(
    { ...actions, download: actions.downloadAll },
    () => visible().slice(0, shownRows),
    () => render(),
  );
  const rowActions: RowActions = {
    ...actions,
    remove: (file) => actions.remove([file]),
    select: selection.set,
  };

  const rowOf = (file: StoredFile): FileRow => {
    const known = rows.get(file.fileId);
    const row = known?.file === file ? known : createFileRow(file, rowActions);
    rows.set(file.fileId, row);
    row.render(selection.has(file.fileId));
    return row;
  };

  function render(): void {
    const all = visible();
    const shown = all.slice(0, shownRows);
    const kept = new Set(shown.map(({ fileId }) => fileId));
    for (const fileId of rows.keys()) if (!kept.has(fileId)) rows.delete(fileId);
    syncRows(
      list,
      shown.map((file) => rowOf(file).element),
      heading,
    );
    updateKeys();
    selection.render();
    const isPlain = form.isPlain();
    const isEmpty = all.length === 0 && isComplete && !isLoading && failure.hidden;
    setText(summary, isPlain || !(isComplete || all.length > 0) ? total : texts.listed(all.length, isComplete, total));
    skeleton.hidden = !(isLoading && all.length === 0);
    empty.hidden = !(isEmpty && isPlain);
    nothingFound.hidden = !(isEmpty && !isPlain);
    form.setHidden(!empty.hidden);
    toggle.hidden = !empty.hidden;
    more.hidden = (isComplete && all.length <= shownRows) || !failure.hidden || isLoading;
    section.setAttribute('aria-busy', String(isLoading));
  }

  /** @returns whether it went well; if not, that is shown. */
  const load = async (): Promise<boolean> => {
    nextPage ??= createPager(stored, form.query());
    const asked = nextPage;
    isLoading = true;
    failure.hidden = true;
    render();
    try {
      const page = await asked();
      if (asked !== nextPage) return true;
      // A file uploaded meanwhile may be in the list already.
      const known = new Set(files.map(({ fileId }) => fileId));
      files.push(...page.files.filter(({ fileId }) => !known.has(fileId)));
      isComplete = page.isLast;
      return true;
    } catch (error) {
      if (asked !== nextPage) return true;
      failure.hidden = false;
      setText(find(failure, '.problem', HTMLElement), texts.notListed(explain(error)));
      return false;
    } finally {
      if (asked === nextPage) isLoading = false;
      render();
    }
  };

  const reload = async () => {
    nextPage = null;
    files = [];
    isComplete = false;
    shownRows = SHOWN_ROWS;
    selection.clear();
    if (await load()) announce(summary.textContent ?? '');
  };

  const loadMore = async () => {
    if (isLoading) return;
    const before = list.children.length;
    shownRows = Math.max(shownRows, before + SHOWN_ROWS);
    if (visible().length === before && !(await load())) return;
    render();
    announce(texts.moreFiles(list.children.length - before));
    list.children[before]?.querySelector('button')?.focus();
  };
  more.addEventListener('click', loadMore);
  find(failure, '.retry', HTMLButtonElement).addEventListener('click', loadMore);
  find(nothingFound, 'button', HTMLButtonElement).addEventListener('click', () => {
    form.reset();
    form.focus();
    void reload();
  });
  setInterval(render, RENEW_TIMES_MS);

  return {
    load,
    render,
    /** What all files add up to. */
    setTotal: (text: string): void => {
      total = text;
      render();
    },
    prepend: (arrived: readonly StoredFile[]): void => {
      if (!form.isPlain()) return void reload();
      // The list may have been loaded since they arrived.
      const ids = new Set(arrived.map(({ fileId }) => fileId));
      files = [...arrived.toReversed(), ...files.filter(({ fileId }) => !ids.has(fileId))];
      render();
    },
    /** Shows a file as it is now. One whose status is not listed leaves the list. */
    replace: (file: StoredFile): void => {
      const isListed = statusesOf(form.query()).some((status) => status === file.status);
      files = files
        .filter((one) => isListed || one.fileId !== file.fileId)
        .map((one) => (one.fileId === file.fileId ? file : one));
      render();
    },
    remove: (fileId: string): void => {
      files = files.filter((one) => one.fileId !== fileId);
    },
    focus: (fileId: string): void => rows.get(fileId)?.element.querySelector<HTMLElement>('.details')?.focus(),
    /** The next or the previous file that can be shown; null at the end. */
    neighbour: (fileId: string, step: 1 | -1): StoredFile | null => {
      const readable = visible().filter((file) => file.status === 'active' || file.fileId === fileId);
      return readable[readable.findIndex((file) => file.fileId === fileId) + step] ?? null;
    },
  };
}

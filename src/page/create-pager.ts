import type { FileQuery, Files, StoredFile } from '../client/create-signpost.ts';

const PAGE_FILES = 50;

export type Status = NonNullable<FileQuery['status']>;

/** What is listed if nothing else is asked for: first what needs attention, or soon will. */
const CURRENT: readonly Status[] = ['held', 'rejected', 'active'];

/** The states of the files that a query lists. */
export function statusesOf({ status }: FileQuery): readonly Status[] {
  return status === undefined ? CURRENT : [status];
}

export type Found = { files: StoredFile[]; isLast: boolean };

/**
 * Lists the files in pages. After an error the next call goes on where it was.
 * @returns a function that returns the next page.
 */
export function createPager(stored: Pick<Files, 'list'>, query: FileQuery): () => Promise<Found> {
  const statuses = statusesOf(query);
  let at = 0;
  let cursor: string | undefined;
  let files: StoredFile[] = [];
  return async () => {
    do {
      const asked = { ...query, status: statuses[at], limit: PAGE_FILES, cursor };
      const { value: page } = await stored.list(asked).next();
      files.push(...(page?.files ?? []));
      cursor = page?.nextCursor ?? undefined;
      if (cursor === undefined) at++;
    } while (at < statuses.length && files.length < PAGE_FILES);
    const found = { files, isLast: at >= statuses.length };
    files = [];
    return found;
  };
}

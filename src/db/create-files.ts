import { and, desc, eq, ne, type Placeholder, sql } from 'drizzle-orm';
import type { Database } from './connect-database.ts';
import { queryDatabase } from './query-database.ts';
import { type FileRow, files } from './schema.ts';

/** Where a page of a list ended: the `createdAt` and `id` of its last row. */
export type FilePosition = Pick<FileRow, 'createdAt' | 'id'>;

/** The queries on verified files, each bound to one owner. All throw `database-unavailable` as `queryDatabase` does. */
export type Files = {
  /**
   * The inserted row, or null when a row with this id or this object key exists (whose it is, finding it tells).
   * One statement, so of any number of simultaneous calls exactly one gets the row.
   */
  insert(file: FileRow): Promise<FileRow | null>;
  /** The owner's file with this id, or null; a deleted one counts as none. `id` must be a UUID. */
  find(file: Pick<FileRow, 'id' | 'ownerId'>): Promise<FileRow | null>;
  /** Those of the owner's files that have these ids (UUIDs), in no order; deleted ones are left out. */
  findMany(these: { ids: string[]; ownerId: string }): Promise<FileRow[]>;
  /** The owner's active files, newest first, at most `limit`, those after the position when there is one. */
  list(page: { ownerId: string; limit: number; after?: FilePosition | undefined }): Promise<FileRow[]>;
};

/** Prepares the queries once; PostgreSQL then plans them once for each connection. */
export function createFiles({ db }: Database): Files {
  const p = sql.placeholder;
  const owned = eq(files.ownerId, p('ownerId'));
  const live = ne(files.status, 'deleted');
  const active = and(owned, eq(files.status, 'active'));
  const newestFirst = [desc(files.createdAt), desc(files.id)];
  const isAfter = sql`(${files.createdAt}, ${files.id}) < (${sql.param(p('createdAt'), files.createdAt)}, ${p('id')})`;

  const newFile = {
    id: p('id'),
    ownerId: p('ownerId'),
    objectKey: p('objectKey'),
    storedKey: p('storedKey'),
    fileName: p('fileName'),
    contentType: p('contentType'),
    sizeBytes: p('sizeBytes'),
    etag: p('etag'),
    versionId: p('versionId'),
    checksumSha256: p('checksumSha256'),
    recordId: p('recordId'),
    documentType: p('documentType'),
    metadata: p('metadata'),
    status: p('status'),
    createdAt: p('createdAt'),
  } satisfies Record<keyof FileRow, Placeholder>;

  const insert = db.insert(files).values(newFile).onConflictDoNothing().returning().prepare('files_insert');
  const find = db
    .select()
    .from(files)
    .where(and(eq(files.id, p('id')), owned, live))
    .prepare('files_find');
  const findMany = db
    .select()
    .from(files)
    .where(and(sql`${files.id} = any(${p('ids')}::uuid[])`, owned, live))
    .prepare('files_find_many');
  const listFirst = db
    .select()
    .from(files)
    .where(active)
    .orderBy(...newestFirst)
    .limit(p('limit'))
    .prepare('files_list');
  const listAfter = db
    .select()
    .from(files)
    .where(and(active, isAfter))
    .orderBy(...newestFirst)
    .limit(p('limit'))
    .prepare('files_list_after');

  const one = async (rows: () => Promise<FileRow[]>) => (await queryDatabase(rows))[0] ?? null;
  return {
    insert: (file) => one(() => insert.execute(file)),
    find: (file) => one(() => find.execute(file)),
    findMany: (these) => queryDatabase(() => findMany.execute(these)),
    list: ({ after, ...page }) =>
      queryDatabase(() => (after ? listAfter.execute({ ...after, ...page }) : listFirst.execute(page))),
  };
}

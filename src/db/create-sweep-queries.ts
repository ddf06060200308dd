import { and, asc, gt, inArray, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { statesWith } from '../contract/file-states.ts';
import { type Act, logRemovals } from './audit-row.ts';
import type { Database } from './connect-database.ts';
import type { FileId, NewFile } from './create-file-queries.ts';
import { queryDatabase, rowsOf } from './query-database.ts';
import { type FileRow, files, type SweepCounts, sweeps } from './schema.ts';

/** How far a sweep has come: the last key it has dealt with, null before the first, and what it counted until there. */
export type SweepState = { afterKey: string | null; counts: SweepCounts; startedAt: Date; finishedAt: Date | null };

/** A stretch of keys in the order of their bytes: those after the first, up to and with the last. */
export type KeyRange = { after: string; upTo: string };

/** An object that was removed: of which file or upload, and under which key. */
export type Removal = FileId & { key: string };

type Column = typeof files.objectKey | typeof files.storedKey;

/** What the sweeper asks about everybody's files, as the role that logs in. All throw `database-unavailable`. */
export type SweepQueries = ReturnType<typeof createSweepQueries>;

export function createSweepQueries({ db }: Pick<Database, 'db'>) {
  const isOneOf = (these: readonly FileId[]) => {
    const [owners, ids] = [these.map(({ ownerId }) => ownerId), these.map(({ id }) => id)];
    return sql`(owner_id, id) in (select * from unnest(${sql.param(owners)}::text[], ${sql.param(ids)}::uuid[]))`;
  };
  const itsObject = (fate: 'stays' | 'waits' | 'goes') => inArray(files.status, statesWith('object', fate));
  const within = (column: Column, { after, upTo }: KeyRange) => and(gt(column, after), lte(column, upTo));

  return {
    /** Refused, or deleted before then, the object not known to be gone, oldest first; those after the row given. */
    toRemove(deletedBefore: Date, limit: number, after: FileRow | null): Promise<FileRow[]> {
      const isDue = or(itsObject('goes'), lte(files.deletedAt, deletedBefore));
      const order = [files.deletedAt, files.id, files.ownerId];
      const isAfter =
        after && sql`(${sql.join(order, sql`, `)}) > (${after.deletedAt}, ${after.id}::uuid, ${after.ownerId})`;
      return queryDatabase(() =>
        db
          .select()
          .from(files)
          .where(and(isNotNull(files.deletedAt), isNull(files.objectRemovedAt), isDue, isAfter ?? undefined))
          .orderBy(...order.map((column) => asc(column)))
          .limit(limit),
      );
    },

    /** The rows of these files, in whatever state. */
    withIds: (these: readonly FileId[]): Promise<FileRow[]> =>
      queryDatabase(() => db.select().from(files).where(isOneOf(these))),

    /** Those of these keys that hold the copy of a file, or of a deleted one that is still to be removed. */
    async usedCopies(keys: readonly string[]): Promise<Set<string>> {
      const isUsed = or(itsObject('stays'), and(itsObject('waits'), isNull(files.objectRemovedAt)));
      const rows = await queryDatabase(() =>
        db
          .select({ key: files.storedKey })
          .from(files)
          .where(and(sql`${files.storedKey} = any(${sql.param([...keys])}::text[])`, isUsed)),
      );
      return new Set(rows.flatMap(({ key }) => key ?? []));
    },

    /** The files that ought to have their object in a stretch of keys but have none of these. */
    async withoutObject(range: KeyRange, keys: readonly string[]): Promise<FileRow[]> {
      const others = (column: Column) => sql`${column} <> all(${sql.param([...keys])}::text[])`;
      const select = (column: Column, rest: SQL) =>
        queryDatabase(() =>
          db
            .select()
            .from(files)
            .where(and(itsObject('stays'), rest, within(column, range), others(column))),
        );
      // Two statements, each along its own index.
      const [uploaded, copied] = await Promise.all([
        select(files.objectKey, isNull(files.storedKey)),
        select(files.storedKey, isNotNull(files.storedKey)),
      ]);
      return [...uploaded, ...copied];
    },

    /**
     * Burns the ids of uploads that nobody confirmed, so that none of them can become a file: `FileQueries.refuse` for
     * many. Returns those that it burned; the others have a row by now.
     */
    async refuse(uploads: readonly NewFile[]): Promise<FileId[]> {
      if (uploads.length === 0) return [];
      const rows = uploads.map((upload) => ({ ...upload, status: 'refused' as const, deletedAt: sql`now()` }));
      const { id, ownerId } = files;
      return queryDatabase(() => db.insert(files).values(rows).onConflictDoNothing().returning({ id, ownerId }));
    },

    /** The objects of these deleted or refused files are gone: since now, and said so in the audit log. */
    async markRemoved(these: readonly FileId[], act: Act): Promise<void> {
      if (these.length === 0) return;
      const removed = sql`
        update ${files} set object_removed_at = now() where ${isOneOf(these)}
        returning id, owner_id, coalesce(stored_key, object_key) as object_key`;
      await queryDatabase(() => db.execute(sql`with removed as (${removed}) ${logRemovals(act, sql`removed`)}`));
    },

    /** What was removed and has no row that says so goes into the audit log. */
    async logRemovals(removals: readonly Removal[], act: Act): Promise<void> {
      if (removals.length === 0) return;
      const list = <Field extends keyof Removal>(field: Field) => sql.param(removals.map((removal) => removal[field]));
      const these = sql`unnest(${list('id')}::uuid[], ${list('ownerId')}::text[], ${list('key')}::text[])
        as removed (id, owner_id, object_key)`;
      await queryDatabase(() => db.execute(logRemovals(act, these)));
    },

    /** Deletes rows whose object was removed before that time, at most `limit`; how many. */
    async forget(removedBefore: Date, limit: number): Promise<number> {
      // Nothing is removed before it is deleted: so the index of deletions serves.
      const isOver = and(lte(files.deletedAt, removedBefore), lte(files.objectRemovedAt, removedBefore));
      const over = sql`select ctid from ${files} where ${isOver} order by deleted_at limit ${limit}`;
      const forgotten = sql`delete from ${files} where ctid = any(array(${over})) returning 1`;
      const count = sql`with forgotten as (${forgotten}) select count(*)::int as count from forgotten`;
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ count: z.number() }), count));
      return row?.count ?? 0;
    },

    /** The last sweep, finished or not; null before the first. */
    async readState(): Promise<SweepState | null> {
      const { afterKey, counts, startedAt, finishedAt } = sweeps;
      const [row] = await queryDatabase(() => db.select({ afterKey, counts, startedAt, finishedAt }).from(sweeps));
      return row ?? null;
    },

    async saveState(state: SweepState): Promise<void> {
      await queryDatabase(() =>
        db
          .insert(sweeps)
          .values({ id: 1, ...state })
          .onConflictDoUpdate({ target: sweeps.id, set: state }),
      );
    },
  };
}

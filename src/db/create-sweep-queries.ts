import { and, asc, gt, inArray, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { statesWith } from '../contract/file-states.ts';
import { type Act, logObjects } from './audit-row.ts';
import type { Database } from './connect-database.ts';
import type { FileId, NewFile } from './create-file-queries.ts';
import { type SweepCounts, sweeps } from './jobs-schema.ts';
import { countChanged, queryDatabase, sqlState } from './query-database.ts';
import { type FileRow, files } from './schema.ts';
import { queueOf } from './webhook-row.ts';

/** The progress of a sweep: the last key that it has handled (null before the first), and its counts so far. */
export type SweepState = { afterKey: string | null; counts: SweepCounts; startedAt: Date; finishedAt: Date | null };

/** A range of keys in byte order: after `after`, up to and including `upTo`. */
export type KeyRange = { after: string; upTo: string };

/** A removed object: its file or upload, and its key. */
export type Removal = FileId & { key: string };

/** PostgreSQL's SQLSTATE `insufficient_privilege`. */
const NO_RIGHT = '42501';

type Column = typeof files.objectKey | typeof files.storedKey;

/** The sweeper's queries on all users' files, as the role that logs in. All throw `database-unavailable`. */
export type SweepQueries = ReturnType<typeof createSweepQueries>;

/** @param onQueued as of `createFileQueries`. */
export function createSweepQueries({ db }: Pick<Database, 'db'>, onQueued?: () => void) {
  const isOneOf = (these: readonly FileId[]) => {
    const [owners, ids] = [these.map(({ ownerId }) => ownerId), these.map(({ id }) => id)];
    return sql`(owner_id, id) in (select * from unnest(${sql.param(owners)}::text[], ${sql.param(ids)}::uuid[]))`;
  };
  const itsObject = (fate: 'stays' | 'waits' | 'goes') => inArray(files.status, statesWith('object', fate));
  const within = (column: Column, { after, upTo }: KeyRange) => and(gt(column, after), lte(column, upTo));

  return {
    /**
     * Refused and rejected files, and files deleted before `deletedBefore`, whose object is not yet removed: oldest
     * first, after a row.
     */
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

    /** The rows of these files, in any state. */
    withIds: (these: readonly FileId[]): Promise<FileRow[]> =>
      queryDatabase(() => db.select().from(files).where(isOneOf(these))),

    /** The keys among these that hold a file's copy, or a deleted file's copy that is not yet removed. */
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

    /** The files whose object must be in this range of keys, but is not among `keys`. */
    async withoutObject(range: KeyRange, keys: readonly string[]): Promise<FileRow[]> {
      const others = (column: Column) => sql`${column} <> all(${sql.param([...keys])}::text[])`;
      const select = (column: Column, rest: SQL) =>
        queryDatabase(() =>
          db
            .select()
            .from(files)
            .where(and(itsObject('stays'), rest, within(column, range), others(column))),
        );
      // Two statements, so that each uses its own index.
      const [uploaded, copied] = await Promise.all([
        select(files.objectKey, isNull(files.storedKey)),
        select(files.storedKey, isNotNull(files.storedKey)),
      ]);
      return [...uploaded, ...copied];
    },

    /**
     * Burns the ids of unconfirmed uploads, so that they can never become files: `FileQueries.refuse` for many. Returns
     * the burned ones; the others have a row by now.
     */
    async refuse(uploads: readonly NewFile[]): Promise<FileId[]> {
      if (uploads.length === 0) return [];
      const rows = uploads.map((upload) => ({ ...upload, status: 'refused' as const, deletedAt: sql`now()` }));
      const refused = db.$with('refused').as(db.insert(files).values(rows).onConflictDoNothing().returning());
      const queued = onQueued ? [db.$with('queued', {}).as(queueOf(refused, 'upload.abandoned'))] : [];
      const { id, ownerId } = refused;
      const burned = await queryDatabase(() =>
        db
          .with(refused, ...queued)
          .select({ id, ownerId })
          .from(refused),
      );
      if (burned.length > 0) onQueued?.();
      return burned;
    },

    /** Records, also in the audit log, that the objects of these files were removed now. */
    async markRemoved(these: readonly FileId[], act: Act): Promise<void> {
      if (these.length === 0) return;
      const removed = sql`
        update ${files} set object_removed_at = now() where ${isOneOf(these)}
        returning id, owner_id, coalesce(stored_key, object_key) as object_key`;
      await queryDatabase(() => db.execute(sql`with removed as (${removed}) ${logObjects(act, sql`removed`)}`));
    },

    /**
     * Gives a row, if it has not changed, the ETag, the version and the key of the object that holds its bytes now.
     * @throws {Error} if the login does not own the tables: a service has no right to change these columns.
     */
    async rebind(row: FileRow, object: Pick<FileRow, 'etag' | 'versionId' | 'sseKeyId'>, act: Act): Promise<void> {
      const rebound = sql`
        update ${files}
        set etag = ${object.etag}, version_id = ${object.versionId}, sse_key_id = ${object.sseKeyId}
        where ${isOneOf([row])} and etag = ${row.etag} and version_id is not distinct from ${row.versionId}
        returning id, owner_id, coalesce(stored_key, object_key) as object_key`;
      try {
        await queryDatabase(() => db.execute(sql`with rebound as (${rebound}) ${logObjects(act, sql`rebound`)}`));
      } catch (error) {
        if (sqlState(error) !== NO_RIGHT) throw error;
        throw new Error('the login of DATABASE_URL may not change these rows: it must be the one that owns the tables');
      }
    },

    /** Adds removed objects that have no row to the audit log. */
    async logRemovals(removals: readonly Removal[], act: Act): Promise<void> {
      if (removals.length === 0) return;
      const list = <Field extends keyof Removal>(field: Field) => sql.param(removals.map((removal) => removal[field]));
      const these = sql`unnest(${list('id')}::uuid[], ${list('ownerId')}::text[], ${list('key')}::text[])
        as removed (id, owner_id, object_key)`;
      await queryDatabase(() => db.execute(logObjects(act, these)));
    },

    /**
     * Deletes at most `limit` rows in a final state whose object was removed before `removedBefore`, and returns their
     * number.
     */
    async forget(removedBefore: Date, limit: number): Promise<number> {
      // An object is never removed before its file is deleted, so the index of deletions can be used.
      const isFinal = inArray(files.status, statesWith('isFinal', true));
      const isOver = and(lte(files.deletedAt, removedBefore), lte(files.objectRemovedAt, removedBefore), isFinal);
      const over = sql`select ctid from ${files} where ${isOver} order by deleted_at limit ${limit}`;
      const forgotten = sql`delete from ${files} where ctid = any(array(${over})) returning 1`;
      return queryDatabase(() => countChanged(db, forgotten));
    },

    /** The current or last sweep; null before the first. */
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

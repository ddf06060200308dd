import { and, asc, eq, gt, inArray, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import type { Database } from './connect-database.ts';
import type { FileId } from './create-files.ts';
import { queryDatabase } from './query-database.ts';
import { type FileRow, files, type SweepCounts, sweeps } from './schema.ts';

/** How far a sweep has come: the last key it has dealt with, null before the first, and what it counted until there. */
export type SweepState = { afterKey: string | null; counts: SweepCounts; startedAt: Date; finishedAt: Date | null };

/** What this database has written into the bucket's marker, and what it was about to write. */
export type Markers = { marker: string | null; nextMarker: string | null };

/** A stretch of keys in the order of their bytes: those after the first, up to and with the last. */
export type KeyRange = { after: string; upTo: string };

type Column = typeof files.objectKey | typeof files.storedKey;

/** What the sweeper asks about everybody's files, as the role that logs in. All throw `database-unavailable`. */
export type SweepQueries = ReturnType<typeof createSweepQueries>;

export function createSweepQueries({ db }: Pick<Database, 'db'>) {
  const live = inArray(files.status, ['active', 'archived']);
  const within = (column: Column, { after, upTo }: KeyRange) => and(gt(column, after), lte(column, upTo));

  return {
    /** Refused, or deleted before then, the object not known to be gone, oldest first; those after the row given. */
    toRemove(deletedBefore: Date, limit: number, after: FileRow | null): Promise<FileRow[]> {
      const isDue = or(eq(files.status, 'refused'), lte(files.deletedAt, deletedBefore));
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

    /** The rows of these, in whatever state. */
    withIds(these: readonly FileId[]): Promise<FileRow[]> {
      const owners = sql.param(these.map(({ ownerId }) => ownerId));
      const ids = sql.param(these.map(({ id }) => id));
      return queryDatabase(() =>
        db
          .select()
          .from(files)
          .where(sql`(${files.ownerId}, ${files.id}) in (select * from unnest(${owners}::text[], ${ids}::uuid[]))`),
      );
    },

    /** Those of these keys that hold the copy of a file, or of a deleted one that is still to be removed. */
    async usedCopies(keys: readonly string[]): Promise<Set<string>> {
      const isUsed = or(live, and(eq(files.status, 'deleted'), isNull(files.objectRemovedAt)));
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
            .where(and(live, rest, within(column, range), others(column))),
        );
      // Two statements, each along its own index.
      const [uploaded, copied] = await Promise.all([
        select(files.objectKey, isNull(files.storedKey)),
        select(files.storedKey, isNotNull(files.storedKey)),
      ]);
      return [...uploaded, ...copied];
    },

    /** Deletes the rows whose object was removed before that time; how many. */
    async forget(removedBefore: Date): Promise<number> {
      const rows = await queryDatabase(() =>
        db.delete(files).where(lte(files.objectRemovedAt, removedBefore)).returning({ id: files.id }),
      );
      return rows.length;
    },

    /** The last sweep, finished or not; null before the first. */
    async readState(): Promise<SweepState | null> {
      const { afterKey, counts, startedAt, finishedAt } = sweeps;
      const [row] = await queryDatabase(() => db.select({ afterKey, counts, startedAt, finishedAt }).from(sweeps));
      return row ?? null;
    },

    async readMarkers(): Promise<Markers> {
      const { marker, nextMarker } = sweeps;
      const [row] = await queryDatabase(() => db.select({ marker, nextMarker }).from(sweeps));
      return row ?? { marker: null, nextMarker: null };
    },

    /** What is not given of the markers stays as it is. */
    async saveState(state: SweepState & Partial<Markers>): Promise<void> {
      await queryDatabase(() =>
        db
          .insert(sweeps)
          .values({ id: 1, ...state })
          .onConflictDoUpdate({ target: sweeps.id, set: state }),
      );
    },
  };
}

import { and, asc, eq, getTableColumns, isNull, sql } from 'drizzle-orm';
import { HELD_STATE } from '../contract/file-states.ts';
import type { Database } from './connect-database.ts';
import type { FileId } from './create-file-queries.ts';
import { queryDatabase } from './query-database.ts';
import { type FileRow, files } from './schema.ts';

/** Where a page ended. */
export type HeldPosition = Pick<FileRow, 'createdAt' | 'id' | 'ownerId'>;

export type HeldQueries = ReturnType<typeof createHeldQueries>;

const isHeld = eq(files.status, sql.raw(`'${HELD_STATE}'`));

/** Held files of all users, as the role that logs in. Throws `database-unavailable`. */
export function createHeldQueries({ db }: Pick<Database, 'db'>) {
  return {
    /**
     * Files to scan: the oldest of each owner, then the second of each, and so on, so that one owner's thousand files
     * do not delay another's. Without files that their client encrypted: no scanner can read them.
     * @param except files that are left out.
     */
    toScan(limit: number, except: readonly FileId[]): Promise<FileRow[]> {
      const ids = sql.param(except.map(({ id }) => id));
      const owners = sql.param(except.map(({ ownerId }) => ownerId));
      // An anti-join: PostgreSQL hashes it, however long the list is.
      const isOther =
        except.length === 0
          ? undefined
          : sql`not exists (select from unnest(${ids}::uuid[], ${owners}::text[]) as left_out(id, owner_id)
              where left_out.id = ${files.id} and left_out.owner_id = ${files.ownerId})`;
      const turn = sql`row_number() over (partition by ${files.ownerId} order by ${files.createdAt}, ${files.id})`;
      const ranked = db
        .select({ ...getTableColumns(files), turn: turn.as('turn') })
        .from(files)
        .where(and(isHeld, isNull(files.encryption), isOther))
        .as('ranked');
      return queryDatabase(() =>
        db.select().from(ranked).orderBy(asc(ranked.turn), asc(ranked.createdAt)).limit(limit),
      );
    },

    /** Files that wait for a verdict, oldest first, after a position; only those of an owner or a record, if given. */
    list(
      limit: number,
      after: HeldPosition | undefined,
      only: { ownerId?: string | undefined; recordId?: string | undefined },
    ): Promise<FileRow[]> {
      const order = [files.createdAt, files.id, files.ownerId];
      const isAfter =
        after && sql`(${sql.join(order, sql`, `)}) > (${after.createdAt}, ${after.id}::uuid, ${after.ownerId})`;
      const isOwners = only.ownerId === undefined ? undefined : eq(files.ownerId, only.ownerId);
      const isOfRecord = only.recordId === undefined ? undefined : eq(files.recordId, only.recordId);
      return queryDatabase(() =>
        db
          .select()
          .from(files)
          .where(and(isHeld, isAfter, isOwners, isOfRecord))
          .orderBy(...order.map((column) => asc(column)))
          .limit(limit),
      );
    },
  };
}

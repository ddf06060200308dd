import { and, asc, eq, sql } from 'drizzle-orm';
import { HELD_STATE } from '../contract/file-states.ts';
import type { Database } from './connect-database.ts';
import { queryDatabase } from './query-database.ts';
import { type FileRow, files } from './schema.ts';

export type HeldQueries = ReturnType<typeof createHeldQueries>;

/** What the scanner asks about all users' files, as the role that logs in. Throws `database-unavailable`. */
export function createHeldQueries({ db }: Pick<Database, 'db'>) {
  return {
    /** Files that wait for a verdict, oldest first, after a row. */
    held(limit: number, after: FileRow | null): Promise<FileRow[]> {
      const order = [files.createdAt, files.id, files.ownerId];
      const isAfter =
        after && sql`(${sql.join(order, sql`, `)}) > (${after.createdAt}, ${after.id}::uuid, ${after.ownerId})`;
      return queryDatabase(() =>
        db
          .select()
          .from(files)
          .where(and(eq(files.status, sql.raw(`'${HELD_STATE}'`)), isAfter ?? undefined))
          .orderBy(...order.map((column) => asc(column)))
          .limit(limit),
      );
    },
  };
}

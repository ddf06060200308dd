import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from './connect-database.ts';
import { rateCounts } from './jobs-schema.ts';
import { countChanged, queryDatabase, rowsOf } from './query-database.ts';

/** A count by its name, and its maximum in a minute, including the entries of the call. */
export type Counted = { name: string; allowance: number };

export type RateQueries = ReturnType<typeof createRateQueries>;

const row = z.object({ name: z.string(), count: z.coerce.number() });

/** The counts of all instances in the current minute of the database's clock. Throws `database-unavailable`. */
export function createRateQueries({ db }: Pick<Database, 'db'>) {
  return {
    /** Adds the entries to each count that has room for them, and returns these counts. The others stay as they are. */
    async count(these: readonly Counted[], entries: number): Promise<Map<string, number>> {
      const names = sql.param(these.map(({ name }) => name));
      const allowances = sql.param(these.map(({ allowance }) => allowance));
      const asked = sql`unnest(${names}::text[], ${allowances}::int[]) as asked (name, allowance)`;
      // In the order of the names, so that two statements never wait for each other.
      const counted = sql`
        insert into ${rateCounts} as known (name, minute, count)
        select name, floor(extract(epoch from now()) / 60)::bigint, ${entries}::int from ${asked} order by name
        on conflict (name) do update set minute = excluded.minute,
          count = case when known.minute = excluded.minute then known.count + excluded.count else excluded.count end
        where known.minute <> excluded.minute
          or known.count + excluded.count <= (select allowance from ${asked} where asked.name = known.name)
        returning name, count`;
      const rows = await queryDatabase(() => rowsOf(db, row, counted));
      return new Map(rows.map(({ name, count }) => [name, count]));
    },

    /** Deletes the counts of past minutes, and returns how many there were. */
    async forget(): Promise<number> {
      // A count of a moment ago may be in use.
      const over = sql`minute < floor(extract(epoch from now()) / 60)::bigint - 1`;
      return queryDatabase(() => countChanged(db, sql`delete from ${rateCounts} where ${over} returning 1`));
    },
  };
}

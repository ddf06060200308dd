import { join } from 'node:path';
import { and, eq, sql } from 'drizzle-orm';
import { connectDatabase } from '../src/db/connect-database.ts';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import type { Db } from '../src/db/query-database.ts';
import { files, USER_ROLE } from '../src/db/schema.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { median } from './median.ts';

const ROUNDS = 7;
const CALLS = 2000;
const PARALLEL = 16;
const USER = 'bench';

/**
 * Reads one row by its id: as a bare statement, as the service does (`asUser`: the user's role and id, in one round
 * trip), and in an ordinary transaction, which waits for each of its four answers. Statements per second with 16 at
 * once, and the milliseconds of a single one; medians of alternating rounds.
 */
export async function measureRowLevelSecurity(directory: string) {
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'row-level-security') });
  await migrateDatabase({ url: postgres.url });
  const database = await connectDatabase({ url: postgres.url, driver: 'pg', maxConnections: PARALLEL });
  const { rows } = (await database.db.execute(sql`
    insert into ${files} (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
    select gen_random_uuid(), ${USER}, 'key-' || n, 'a', 'text/plain', 1, '"e"', now()
    from generate_series(1, 1000) as n returning id`)) as unknown as { rows: { id: string }[] };
  const id = rows[0]?.id ?? '';

  const find = (db: Db) =>
    db
      .select()
      .from(files)
      .where(and(eq(files.id, sql.placeholder('id')), eq(files.ownerId, sql.placeholder('owner'))))
      .prepare('bench_find');
  const bare = find(database.db);
  const ways = {
    bare: () => bare.execute({ id, owner: USER }),
    asUser: () => database.asUser(USER, find, { id, owner: USER }),
    transaction: () =>
      database.withConnection((db) =>
        db.transaction(async (tx) => {
          await tx.execute(
            sql`select set_config('role', ${USER_ROLE}, true), set_config('signpost.user_id', ${USER}, true)`,
          );
          return tx
            .select()
            .from(files)
            .where(and(eq(files.id, id), eq(files.ownerId, USER)));
        }),
      ),
  };
  const figures = Object.entries(ways).map(([name, run]) => ({
    name,
    run,
    perSecond: [] as number[],
    ms: [] as number[],
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, perSecond, ms } of figures) {
      const times: number[] = [];
      for (let i = 0; i < CALLS / 10; i++) times.push(await timed(run));
      ms.push(median(times));
      const worker = async () => {
        for (let i = 0; i < CALLS / PARALLEL; i++) await run();
      };
      const tookMs = await timed(() => Promise.all(Array.from({ length: PARALLEL }, worker)));
      perSecond.push(CALLS / (tookMs / 1000));
    }
  }
  await database.close();
  await postgres.stop();
  return figures.map(({ name, perSecond, ms }) => ({ name, perSecond: median(perSecond), ms: median(ms) }));
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await task();
  return performance.now() - startedAt;
}

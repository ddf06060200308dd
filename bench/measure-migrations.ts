import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';

const FOLDER = fileURLToPath(new URL('../drizzle', import.meta.url));

/** The migrations of the first release; rows are added after them. */
const FIRST = 2;
const READ_EVERY_MS = 5;

/**
 * Runs all migrations since the first release on a database with that many files, while files are read: how long each
 * takes, and the longest wait of a read. Uses a database of its own, on the server of `TEST_DATABASE_URL` if set, else
 * on the embedded one.
 */
export async function measureMigrations(directory: string, rows: number) {
  const server = process.env.TEST_DATABASE_URL;
  const postgres = server === undefined ? await startEmbeddedPostgres({ directory: join(directory, 'pg') }) : null;
  const admin = new pg.Client({ connectionString: postgres?.url ?? server });
  await admin.connect();
  const name = `migrations_${process.pid}`;
  await admin.query(`create database ${name}`);
  const url = Object.assign(new URL(postgres?.url ?? server ?? ''), { pathname: name }).href;
  try {
    const journal = JSON.parse(await readFile(join(FOLDER, 'meta/_journal.json'), 'utf8'));
    const migrateTo = async (count: number) => {
      const folder = join(directory, `to-${count}`);
      await cp(FOLDER, folder, { recursive: true });
      const entries = journal.entries.slice(0, count);
      await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
      await migrateDatabase({ url, folder });
      await rm(folder, { recursive: true });
    };
    await migrateTo(FIRST);
    await fill(url, rows);
    const figures: { tag: string; tookMs: number; longestReadMs: number }[] = [];
    for (let count = FIRST + 1; count <= journal.entries.length; count++) {
      const reader = await startReading(url);
      const startedAt = performance.now();
      await migrateTo(count);
      const tookMs = performance.now() - startedAt;
      figures.push({ tag: journal.entries[count - 1].tag, tookMs, longestReadMs: await reader.stop() });
    }
    return figures;
  } finally {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
    await postgres?.stop();
  }
}

/** Rows as the first release wrote them, of a thousand owners. */
async function fill(url: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
     select id, owner, owner || '/_/_/' || id || '/file.pdf', 'scan ' || n || '.pdf', 'application/pdf', n, '"e"',
       now() - n * interval '1 second'
     from (select n, gen_random_uuid() as id, 'user-' || n % 1000 as owner
        from generate_series(1, $1::int) as n) as file`,
    [rows],
  );
  await client.query('vacuum analyze files');
  await client.end();
}

/** Reads files by id until stopped. */
async function startReading(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('select id from files limit 100');
  let isOver = false;
  let longestMs = 0;
  const reading = (async () => {
    for (let n = 0; !isOver; n++) {
      const startedAt = performance.now();
      await client.query('select * from files where id = $1', [rows[n % rows.length].id]);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await sleep(READ_EVERY_MS);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await reading;
      await client.end();
      return longestMs;
    },
  };
}

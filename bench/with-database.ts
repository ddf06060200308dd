import { join } from 'node:path';
import pg from 'pg';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';

/**
 * A server for a measurement: that of `TEST_DATABASE_URL` if set, else the embedded one, which has 16 MB of buffers and
 * ends with the measurement.
 */
export async function withServer<Result>(directory: string, use: (url: string) => Promise<Result>): Promise<Result> {
  const server = process.env.TEST_DATABASE_URL;
  if (server !== undefined) return use(server);
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  try {
    return await use(postgres.url);
  } finally {
    await postgres.stop();
  }
}

/** A connection to a new, migrated database, which is removed afterwards. */
export async function withDatabase<Result>(
  directory: string,
  use: (client: pg.Client, url: string) => Promise<Result>,
): Promise<Result> {
  return withServer(directory, async (server) => {
    const admin = await connect(server);
    const name = `bench_${process.pid}`;
    await admin.query(`create database ${name}`);
    try {
      const url = databaseUrl(server, name);
      await migrateDatabase({ url });
      const client = await connect(url);
      const result = await use(client, url);
      await client.end();
      return result;
    } finally {
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    }
  });
}

export function databaseUrl(server: string, name: string): string {
  return Object.assign(new URL(server), { pathname: name }).href;
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A failure drops the database, and this connection with it; the original error is the one to show.
  client.on('error', () => {});
  await client.connect();
  return client;
}

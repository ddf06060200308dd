import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export type TestDatabase = {
  name: string;
  url: string;
  /** Runs a statement as the server's superuser, on its own connection; returns the rows. */
  query(statement: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Closes all other connections. */
  drop(): Promise<void>;
};

/**
 * A database for one test file, with the service's tables unless `migrated` is false, or a copy of another test
 * database, which must have no connections meanwhile.
 */
export async function createTestDatabase({
  migrated = true,
  copyOf,
}: {
  migrated?: boolean;
  copyOf?: TestDatabase;
} = {}): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID()}`;
  const template = copyOf?.name ?? (migrated ? inject('postgresTemplate') : 'template0');
  await query(server, `create database "${name}" template "${template}" ${inject('postgresCopying')}`);
  const url = new URL(server);
  url.pathname = name;
  // Tests append parameters of their own.
  url.search = '';
  return {
    name,
    url: url.href,
    query: (statement, values) => query(url.href, statement, values),
    drop: async () => void (await query(server, `drop database "${name}" with (force)`)),
  };
}

/** A copy of its current state, like a branch or a backup. Closes all connections; clients may reconnect. */
export async function copyDatabase(original: TestDatabase): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  await query(server, `alter database "${original.name}" allow_connections false`);
  try {
    await query(server, 'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [
      original.name,
    ]);
    return await createTestDatabase({ copyOf: original });
  } finally {
    await query(server, `alter database "${original.name}" allow_connections true`);
  }
}

async function query(url: string, statement: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  // A connection that is closed by a drop of its database fails its statement; the event itself would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement, values)).rows;
  } finally {
    await client.end();
  }
}

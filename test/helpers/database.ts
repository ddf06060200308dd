import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export type TestDatabase = {
  name: string;
  url: string;
  /** A statement as the server's superuser, on a connection of its own; the rows. */
  query(statement: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Cuts whoever is still connected. */
  drop(): Promise<void>;
};

/**
 * A database of its own for a test file, with the service's tables unless `migrated` is false, or a copy of another
 * test database, which nobody may be connected to meanwhile.
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
  await query(server, `create database "${name}" template "${template}"`);
  const url = new URL(server);
  url.pathname = name;
  return {
    name,
    url: url.href,
    query: (statement, values) => query(url.href, statement, values),
    drop: async () => void (await query(server, `drop database "${name}" with (force)`)),
  };
}

/** A copy of it as it is now, as a branch or a backup would be; whoever is connected is cut, and may come back. */
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
  await client.connect();
  try {
    return (await client.query(statement, values)).rows;
  } finally {
    await client.end();
  }
}

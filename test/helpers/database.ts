import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export type TestDatabase = {
  url: string;
  /** A statement as the server's superuser, on a connection of its own; the rows. */
  query(statement: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Cuts whoever is still connected. */
  drop(): Promise<void>;
};

/** A database of its own for a test file, with the service's tables unless `migrated` is false. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID()}`;
  await query(server, `create database "${name}" template "${migrated ? inject('postgresTemplate') : 'template0'}"`);
  const url = new URL(server);
  url.pathname = name;
  return {
    url: url.href,
    query: (statement, values) => query(url.href, statement, values),
    drop: async () => void (await query(server, `drop database "${name}" with (force)`)),
  };
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

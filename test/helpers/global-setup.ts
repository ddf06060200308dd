import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres/start-embedded-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server for the whole run; databases may be created on it. */
    postgresUrl: string;
    /** The name of a migrated database on it, to be copied and otherwise left alone. */
    postgresTemplate: string;
  }
}

/** One real PostgreSQL for the whole run: the embedded one, or the one of `TEST_DATABASE_URL`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startServer();
  const template = `template_${randomUUID()}`;
  await execute(url, `create database "${template}"`);
  const templateUrl = new URL(url);
  templateUrl.pathname = template;
  await migrateDatabase({ url: templateUrl.href, folder: 'drizzle' });
  project.provide('postgresUrl', url);
  project.provide('postgresTemplate', template);
  return async () => {
    await execute(url, `drop database "${template}"`);
    await stop();
  };
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.TEST_DATABASE_URL;
  if (url !== undefined) return { url, stop: async () => {} };
  const directory = await mkdtemp(join(tmpdir(), 'signpost-test-'));
  const server = await startEmbeddedPostgres({ directory });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

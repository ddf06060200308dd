import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres/start-embedded-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server for the whole run; tests may create databases on it. */
    postgresUrl: string;
    /** The name of a migrated database on it, which tests may only copy. */
    postgresTemplate: string;
    /** Makes CREATE DATABASE copy files: a seventh of the CPU time that writing them to the log takes. */
    postgresCopying: string;
  }
}

const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** One real PostgreSQL for the whole run: the embedded one, or that of `TEST_DATABASE_URL`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startServer();
  const template = `template_${randomUUID()}`;
  const teardown = async () => {
    await execute(url, `drop database if exists "${template}" with (force)`);
    await stop();
  };
  try {
    await execute(url, `create database "${template}"`);
    const templateUrl = new URL(url);
    templateUrl.pathname = template;
    await migrateDatabase({ url: templateUrl.href, folder: MIGRATIONS });
    const [{ version }] = await execute(url, `select current_setting('server_version_num')::int as version`);
    // PostgreSQL 14 knows no other way.
    project.provide('postgresCopying', version < 150_000 ? '' : 'strategy file_copy');
  } catch (error) {
    // Vitest calls no teardown after a failed setup, and the server would keep running.
    await teardown();
    throw error;
  }
  project.provide('postgresUrl', url);
  project.provide('postgresTemplate', template);
  return teardown;
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.TEST_DATABASE_URL;
  if (url !== undefined) return { url, stop: async () => {} };
  const directory = await mkdtemp(join(tmpdir(), 'signpost-test-'));
  const server = await startEmbeddedPostgres({ directory });
  // No data outlives the run, so no test waits for a disk.
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    await execute(server.url, `alter system set ${name} = off`);
  }
  await execute(server.url, 'select pg_reload_conf()');
  // When interrupted, Vitest exits without a teardown.
  const abandon = () => {
    process.kill(Number.parseInt(readFileSync(join(directory, 'cluster/data/postmaster.pid'), 'utf8'), 10), 'SIGQUIT');
    rmSync(directory, { recursive: true, maxRetries: 3 });
  };
  process.once('exit', abandon);
  return {
    url: server.url,
    stop: async () => {
      process.off('exit', abandon);
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function execute(url: string, statement: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(statement);
  await client.end();
  return rows;
}

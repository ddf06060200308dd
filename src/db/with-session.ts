import { sql } from 'drizzle-orm';
import { connectDatabase, type DatabaseDriver, type Db, isNeonHost } from './connect-database.ts';

/** How to reach a database, and how long a statement may take there. */
type SessionOptions = {
  url: string;
  driver?: DatabaseDriver | undefined;
  /** Default 10, as in `connectDatabase`. */
  queryTimeoutSeconds?: number;
};

/**
 * Runs `use` on a connection of its own that is nobody else's in between: for settings and locks that belong to a
 * session and end with it. Throws as `Database.withConnection` does.
 */
export async function withSession<T>(options: SessionOptions, use: (db: Db) => Promise<T>): Promise<T> {
  const database = connectDatabase({ ...options, url: sessionUrl(options.url), maxConnections: 1 });
  try {
    return await database.withConnection(use);
  } finally {
    await database.close();
  }
}

/**
 * Runs a task unless another instance runs it: under an advisory lock of the database (PostgreSQL documentation,
 * section 13.3.5). Should the connection break, the lock is gone before the task has ended: a task must bear a second
 * one beside it.
 * @returns what the task returned; null when another instance has the lock.
 * @throws what the task throws, and `database-unavailable`.
 */
export function runExclusively<T>(options: SessionOptions, lock: number, task: () => Promise<T>): Promise<T | null> {
  return withSession(options, async (db) => {
    // Both drivers answer a raw statement with its rows; Drizzle's common type for them does not say so.
    const answer = (await db.execute(sql`select pg_try_advisory_lock(${lock}) as locked`)) as unknown as {
      rows: { locked: boolean }[];
    };
    return answer.rows[0]?.locked === true ? task() : null;
  });
}

/** Neon's pooled host hands a session on after each transaction, lock and all; its direct host does not. */
function sessionUrl(url: string): string {
  const direct = new URL(url);
  if (isNeonHost(direct.hostname)) direct.hostname = direct.hostname.replace('-pooler.', '.');
  return direct.href;
}

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

/** Neon's pooled host hands a session on after each transaction, lock and all; its direct host does not. */
function sessionUrl(url: string): string {
  const direct = new URL(url);
  if (isNeonHost(direct.hostname)) direct.hostname = direct.hostname.replace('-pooler.', '.');
  return direct.href;
}

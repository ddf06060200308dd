import { Problem } from '../contract/errors.ts';
import type { Database } from './connect-database.ts';

/** When the database was last asked something for a user, by `performance.now()`, and whether it answered. */
export type DatabaseUse = { at: number; isUp: boolean };

/**
 * A database that remembers its last use. Readiness goes by it: while requests use the database, asking it as well
 * costs nothing; while none do, it may sleep.
 */
export function trackUse(database: Database): Database & { lastUse: () => DatabaseUse | null } {
  let last: DatabaseUse | null = null;
  async function track<T>(use: Promise<T>): Promise<T> {
    let isUp = true;
    try {
      return await use;
    } catch (error) {
      isUp = !(error instanceof Problem && error.code === 'database-unavailable');
      throw error;
    } finally {
      last = { at: performance.now(), isUp };
    }
  }
  return {
    ...database,
    asUser: (...query) => track(database.asUser(...query)),
    withConnection: (use) => track(database.withConnection(use)),
    lastUse: () => last,
  };
}

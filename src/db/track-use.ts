import { Problem } from '../contract/errors.ts';
import type { Database } from './connect-database.ts';

/** The time of the last use for a user, by `performance.now()`, and whether the database answered. */
export type DatabaseUse = { at: number; isUp: boolean };

/**
 * A database that remembers its last use. The readiness check asks the database only while requests use it, so that an
 * idle one may sleep.
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

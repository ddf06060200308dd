import { DrizzleQueryError } from 'drizzle-orm';
import { Problem, unavailable } from '../errors.ts';

/** SQLSTATE of a statement that lost against another one and may simply be run again. */
const ROLLED_BACK = /^(40001|40P01)$/;

/**
 * SQLSTATE of a server that cannot serve now: connection exceptions (08), insufficient resources (53), operator
 * intervention (57: shutdown, starting up, cancelled), system errors (58), a read-only stand-by after a failover.
 */
const NOT_NOW = /^(08|53|57|58|25006$)/;

/**
 * Runs a query, and tells "the database does not answer" from everything else. The one place that reads driver errors.
 * `query` is run a second time when the first was rolled back (serialization failure, deadlock).
 *
 * Throws `database-unavailable` for a connection refused, reset, terminated or timed out, and for the SQLSTATE
 * classes above (PostgreSQL documentation, appendix A, "PostgreSQL Error Codes"). Anything else as it is, a `Problem`
 * thrown inside `query` too.
 */
export async function queryDatabase<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query().catch((error: unknown) => {
      if (ROLLED_BACK.test(sqlState(error) ?? '')) return query();
      throw error;
    });
  } catch (error) {
    throw meansUnavailable(error) ? unavailable('database', error) : error;
  }
}

function meansUnavailable(error: unknown): boolean {
  if (error instanceof Problem) return false;
  const state = sqlState(error);
  if (state !== undefined) return NOT_NOW.test(state) || ROLLED_BACK.test(state);
  // What has no SQLSTATE never came from the server. Drivers throw plain errors for that, some without any code
  // ("Query read timeout"), and Neon's a WebSocket event; a subclass such as TypeError is a mistake of ours.
  const cause = driverError(error);
  return !(cause instanceof Error) || cause.constructor === Error || cause instanceof AggregateError;
}

/** Drizzle wraps what the driver threw. */
function driverError(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

function sqlState(error: unknown): string | undefined {
  const cause = driverError(error);
  // `severity` tells a SQLSTATE from Node's codes: EPIPE has five letters, too.
  if (!(cause instanceof Error) || !('severity' in cause) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

import { DrizzleQueryError, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import { Problem, unavailable } from '../contract/errors.ts';

/** SQLSTATE of a statement that lost against another one and may simply be run again. */
const ROLLED_BACK = /^(40001|40P01)$/;

/**
 * SQLSTATE of a server that cannot serve now: connection exceptions (08), insufficient resources (53), operator
 * intervention (57: shutdown, starting up, cancelled), system errors (58), a read-only stand-by after a failover, a
 * lock that is not to be had, a database that takes no connections for a while (55000), and a table that is missing
 * because the database was down at start and is migrated any moment now.
 */
const NOT_NOW = /^(08|53|57|58|25006$|42P01$|55000$|55P03$|28|3D)/;

/** Of an error that ends the connection, whatever its SQLSTATE: poolers have some of their own (Supavisor: XX000). */
const FATAL = /^(FATAL|PANIC)$/;

/** SQLSTATE of a server that refuses these credentials or this database: it may accept them after a fix. */
const REFUSED = /^(28|3D)/;

/** What the drivers' pools and Node's sockets say when there is no connection to be had, or none that answers. */
const NO_CONNECTION = /connect|read timeout|\bE(CONN|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOST|NET)/i;

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

/** Whether the server refuses these credentials or this database: no waiting helps, so at start it is an error. */
export function isRefused(problem: Problem): boolean {
  return REFUSED.test(sqlState(problem.cause) ?? '');
}

/**
 * SQLSTATE of a server that this connection, or any to the same address, had better not ask again: it is read-only
 * since a failover, shutting down, or starting.
 */
const STALE = /^(25006|57P0[123])$/;

/** And of a connection that has ended, or is about to. */
const BROKEN = /^(08|25P03$|53|57P|58)/;

/** Whether its connections should be closed, so that the next ones find the server that serves now. */
export function isStale(error: unknown): boolean {
  return STALE.test(sqlState(error) ?? '');
}

/** Whether the connection is unusable or in an unknown state. After any other error it stays usable. */
export function isBroken(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || BROKEN.test(state) || isFatal(error) || isStale(error);
}

/** The rows of a raw statement: both drivers answer with them, and Drizzle's common type for them does not say so. */
export async function rowsOf<Row extends z.ZodType>(
  db: { execute(query: SQL): PromiseLike<unknown> },
  row: Row,
  query: SQL,
): Promise<z.infer<Row>[]> {
  return z.object({ rows: z.array(row) }).parse(await db.execute(query)).rows;
}

/** Whether a lock was not to be had within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error instanceof Problem ? error.cause : error) === '55P03';
}

function meansUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return NOT_NOW.test(state) || ROLLED_BACK.test(state) || isFatal(error);
  // A query that failed without a SQLSTATE never heard from the server. Drivers throw plain errors for that, some
  // without any code, and Neon's a WebSocket event; a subclass such as TypeError is a mistake of ours.
  if (error instanceof DrizzleQueryError) return !(error.cause instanceof Error) || isPlain(error.cause);
  // Not wrapped: a transaction that got no connection, or whatever the code between its queries throws.
  return (
    !(error instanceof Error) ||
    (isPlain(error) && NO_CONNECTION.test(`${error.message} ${'code' in error && error.code}`))
  );
}

function isPlain(error: Error): boolean {
  return error.constructor === Error || error instanceof AggregateError;
}

function isFatal(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof Error && 'severity' in cause && FATAL.test(String(cause.severity));
}

function causeOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

/** The SQLSTATE of what a query threw; undefined where the server did not say one. */
export function sqlState(error: unknown): string | undefined {
  const cause = causeOf(error);
  // `severity` tells a SQLSTATE from Node's codes: EPIPE has five letters, too.
  if (!(cause instanceof Error) || !('severity' in cause) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** The DETAIL of what a query threw; empty where the server did not send one. */
export function errorDetail(error: unknown): string {
  const cause = causeOf(error);
  return cause instanceof Error && 'detail' in cause ? String(cause.detail) : '';
}

import { DrizzleQueryError, type SQL, sql } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import * as z from 'zod';
import { causeOf, type Problem, unavailable } from '../contract/errors.ts';

/** Drizzle, typed the same for both drivers. */
export type Db = PgDatabase<PgQueryResultHKT>;

/** SQLSTATE of a statement that conflicted with another one and can be run again. */
export const ROLLED_BACK = /^(40001|40P01)$/;

/**
 * SQLSTATE of a temporary failure: connection exceptions (08), insufficient resources (53), operator intervention (57:
 * shutdown, starting up, cancelled), system errors (58), a read-only stand-by after a failover (25006), a lock timeout
 * (55P03), a database that accepts no connections for a while (55000), and a missing table (42P01), because the
 * database was down at start and will be migrated soon.
 */
const NOT_NOW = /^(08|53|57|58|25006$|42P01$|55000$|55P03$|28|3D)/;

/** The severity of an error that ends the connection, with any SQLSTATE: poolers use their own (Supavisor: XX000). */
const FATAL = /^(FATAL|PANIC)$/;

/** SQLSTATE of a server that refuses these credentials or this database: it may accept them after a fix. */
const REFUSED = /^(28|3D)/;

/** Messages of the drivers' pools and Node's sockets without a connection, or with one that does not answer. */
const NO_CONNECTION = /connect|read timeout|no answer within|\bE(CONN|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOST|NET)/i;

/**
 * Runs a query, and distinguishes "the database does not answer" from other errors: the only place that reads driver
 * errors. After a rollback (serialization failure, deadlock), `query` is run a second time.
 *
 * Throws `database-unavailable` if the connection was refused, reset, terminated or timed out, and for the SQLSTATE
 * classes above (PostgreSQL documentation, appendix A, "PostgreSQL Error Codes"). Any other error is thrown unchanged,
 * also a `Problem` from inside `query`.
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

/** Whether the server refuses these credentials or this database: waiting does not help, so a start fails. */
export function isRefused(problem: Problem): boolean {
  return REFUSED.test(sqlState(problem.cause) ?? '');
}

/**
 * SQLSTATE of a server whose connections must not be used again: it is read-only after a failover, shutting down, or
 * starting.
 */
const STALE = /^(25006|57P0[123])$/;

/** SQLSTATE of a connection that has ended or is about to. */
const BROKEN = /^(08|25P03$|53|57P|58)/;

/** Whether the server's connections must be closed, so that new ones reach the current server. */
export function isStale(error: unknown): boolean {
  return STALE.test(sqlState(error) ?? '');
}

/** Whether the connection is unusable or in an unknown state. After any other error it stays usable. */
export function isBroken(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || BROKEN.test(state) || isFatal(error) || isStale(error);
}

/** Drizzle, or a transaction of it, for raw statements. */
type Executor = { execute(query: SQL | string): PromiseLike<unknown> };

/**
 * The rows of a raw statement: both drivers return them, but Drizzle's common type does not have them.
 * @param query as text it must contain no input from outside: it is not escaped.
 */
export async function rowsOf<Row extends z.ZodType>(
  db: Executor,
  row: Row,
  query: SQL | string,
): Promise<z.infer<Row>[]> {
  return z.object({ rows: z.array(row) }).parse(await db.execute(query)).rows;
}

/** Runs a raw statement that ends with RETURNING, and returns how many rows it has changed. */
export async function countChanged(db: Executor, change: SQL): Promise<number> {
  const counting = sql`with changed as (${change}) select count(*)::int as count from changed`;
  const [row] = await rowsOf(db, z.object({ count: z.number() }), counting);
  return row?.count ?? 0;
}

/** Whether a statement did not get its lock within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(causeOf(error)) === '55P03';
}

/** Whether the reason is the server, or the connection to it, and not the statement. */
export function meansUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return NOT_NOW.test(state) || ROLLED_BACK.test(state) || isFatal(error);
  // An error without a SQLSTATE did not come from the server. Drivers throw plain errors for that, some without a code,
  // and Neon's a WebSocket event; a subclass such as TypeError is a bug of ours.
  if (error instanceof DrizzleQueryError) return !(error.cause instanceof Error) || isPlain(error.cause);
  // Not wrapped by Drizzle: a transaction without a connection, or an error of the code between its queries.
  return (
    !(error instanceof Error) ||
    (isPlain(error) && NO_CONNECTION.test(`${error.message} ${'code' in error && error.code}`))
  );
}

function isPlain(error: Error): boolean {
  return error.constructor === Error || error instanceof AggregateError;
}

function isFatal(error: unknown): boolean {
  const cause = driverErrorOf(error);
  return cause instanceof Error && 'severity' in cause && FATAL.test(String(cause.severity));
}

/** The driver's error, without Drizzle's, whose message is the whole statement. */
export function driverErrorOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

/** The SQLSTATE of a query's error; undefined if the server did not send one. */
export function sqlState(error: unknown): string | undefined {
  const cause = driverErrorOf(error);
  // Only errors with a `severity` have a SQLSTATE; Node's codes, such as EPIPE, may have five letters too.
  if (!(cause instanceof Error) || !('severity' in cause) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** The DETAIL of a query's error; empty if the server did not send one. */
export function errorDetail(error: unknown): string {
  const cause = driverErrorOf(error);
  return cause instanceof Error && 'detail' in cause ? String(cause.detail) : '';
}

import type { Callee, Failure } from '../telemetry/watch-calls.ts';
import { meansUnavailable, ROLLED_BACK, sqlState } from './query-database.ts';

/** The database, for `watchCalls`. An operation is a statement by `nameOf`. */
export const DATABASE_CALLEE: Callee = {
  durations: 'signpost_database_statement_duration_seconds',
  errors: 'signpost_database_errors_total',
  // OpenTelemetry, "Semantic conventions for PostgreSQL client operations". Neither the text nor its parameters.
  describe: (operation) => ({
    name: operation,
    attributes: { 'db.system.name': 'postgresql', 'db.query.summary': operation },
  }),
  failureOf,
};

/** The first clause that names a table: of a query with a change in it, the change. */
const CLAUSE = /\b(insert into|update|delete from|from)\s+"?([a-z_]{1,40})\b/i;

/**
 * A statement's name: what it was prepared as, or its verb and table, as `select files`. There are as many as the
 * service has statements: their text has no value in it.
 */
export function nameOf(query: string | { text: string; name?: string | undefined }): string {
  if (typeof query !== 'string' && query.name) return query.name;
  const text = typeof query === 'string' ? query : query.text;
  const [, clause, table] = CLAUSE.exec(text) ?? [];
  if (clause === undefined) return /^\s*([a-z]{1,20})/i.exec(text)?.[1]?.toLowerCase() ?? 'other';
  return `${clause.toLowerCase() === 'from' ? 'select' : clause.split(' ')[0]?.toLowerCase()} ${table}`;
}

/** SQLSTATE of a constraint, and of the quota: the answer to an insert. */
const ANSWER = /^(23|QF)/;

function failureOf(error: unknown): Failure | null {
  const code = sqlState(error);
  if (code !== undefined && ANSWER.test(code)) return null;
  if (code !== undefined && ROLLED_BACK.test(code)) return { kind: 'rolled-back', code };
  if (error instanceof Error && /timeout/i.test(error.message)) return { kind: 'timeout', code };
  return { kind: meansUnavailable(error) ? 'unavailable' : 'statement', code };
}

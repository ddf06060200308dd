import type * as z from 'zod';
import type { Database } from '../db/connect-database.ts';
import { queryDatabase, rowsOf } from '../db/query-database.ts';

/** The rows of a catalog query. `query` must contain no input from outside: it is not escaped. */
export function catalogRows<Row extends z.ZodType>(
  { db }: Pick<Database, 'db'>,
  row: Row,
  query: string,
): Promise<z.infer<Row>[]> {
  return queryDatabase(() => rowsOf(db, row, query));
}

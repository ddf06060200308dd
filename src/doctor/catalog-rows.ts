import * as z from 'zod';
import type { Database } from '../db/connect-database.ts';
import { queryDatabase } from '../db/query-database.ts';

/** The rows of a catalog query. `query` must contain no input from outside: it is not escaped. */
export async function catalogRows<Row extends z.ZodType>(
  { db }: Pick<Database, 'db'>,
  row: Row,
  query: string,
): Promise<z.infer<Row>[]> {
  const result = await queryDatabase(async () => await db.execute(query));
  return z.object({ rows: z.array(row) }).parse(result).rows;
}

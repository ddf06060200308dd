import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import { FILE_ID_PATTERN } from '../object-key.ts';
import { toFile } from './to-file.ts';

const MAX_PAGE = 1000;

/** The end of the year 9999: PostgreSQL knows later ones, but no row has them. */
const MAX_TIME_MS = 253_402_300_799_999;

/** Where a page ended: the row's time and id, opaque to the client. */
const cursor = z.string().transform((text, context) => {
  const [time = '', id = ''] = Buffer.from(text, 'base64url').toString('latin1').split('_');
  if (!/^\d{1,15}$/.test(time) || Number(time) > MAX_TIME_MS || !FILE_ID_PATTERN.test(id)) {
    context.addIssue('is not a cursor of this service');
    return z.NEVER;
  }
  return { createdAt: new Date(Number(time)), id };
});

export const listFilesQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_PAGE))
    .default(50),
  cursor: cursor.optional(),
});

export type ListFilesQuery = z.infer<typeof listFilesQuery>;

/**
 * A page of the caller's active files, newest first. Keyset pages: files that come in meanwhile shift nothing.
 * @returns at most `limit` files, and the cursor of the next page, null on the last.
 */
export async function listFiles(services: { config: Config; files: Files }, caller: Caller, query: ListFilesQuery) {
  const rows = await services.files.list({
    ownerId: caller.userId,
    limit: query.limit + 1,
    ...(query.cursor && { after: query.cursor }),
  });
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    files: page.map((row) => toFile(row, services.config.publicBaseUrl)),
    nextCursor: rows.length > page.length && last ? toCursor(last) : null,
  };
}

function toCursor(row: { createdAt: Date; id: string }): string {
  return Buffer.from(`${row.createdAt.getTime()}_${row.id}`).toString('base64url');
}

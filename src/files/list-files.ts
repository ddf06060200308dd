import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { cleanText, label, pageLimit, readAs } from '../contract/fields.ts';
import { NEW_FILE_STATE, statesWith } from '../contract/file-states.ts';
import { restorePlus, toMediaType } from '../contract/media-type.ts';
import { FILE_ID_PATTERN } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { FILE_SORTS, type FilePosition } from '../db/find-files.ts';
import { toFile } from './to-file.ts';

/** The end of the year 9999: PostgreSQL knows later times, but no row has them. */
const MAX_TIME_MS = 253_402_300_799_999;

/** A day (its beginning, in UTC) or a moment of ISO 8601; no file is from before 1970. */
const time = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], 'must be a date or a time of ISO 8601')
  .transform((text) => new Date(Math.min(Math.max(Date.parse(text), 0), MAX_TIME_MS)));

const sort = z.enum(['createdAt', '-createdAt', 'fileName', '-fileName', 'size', '-size']).default('-createdAt');
type Sort = z.infer<typeof sort>;

/**
 * Which of the caller's files, and in which order: `-` is descending, names are ordered by the code points of their
 * lower-case form, and equal ones by id. Default: the active ones, newest first.
 */
export const listFilesQuery = z
  .strictObject({
    limit: pageLimit,
    /** Of the page before, in the same order; the filters may be others. */
    cursor: z.string().max(4096).optional(),
    recordId: label.optional(),
    documentType: label.optional(),
    /** `text/plain` finds `text/plain; charset=utf-8` as well; `image/*` finds all images. In any case. */
    contentType: readAs(toTypeFilter, 'must be like image/png or image/*').optional(),
    /** Part of the name, in any case and as it is: `%` is a percent sign. 1 to 100 characters. */
    q: cleanText.max(100).optional(),
    status: z.enum(statesWith('isListed', true)).default(NEW_FILE_STATE),
    /** The first moment. */
    createdFrom: time.optional(),
    /** The first moment that is too late. */
    createdTo: time.optional(),
    sort,
  })
  .transform(({ cursor, ...query }, context) => {
    const after = cursor === undefined ? undefined : parseCursor(cursor, query.sort);
    if (after !== null) return { ...query, after };
    context.issues.push({
      code: 'custom',
      path: ['cursor'],
      message: 'is not a cursor of this service in this order',
      input: cursor,
    });
    return z.NEVER;
  });

function toTypeFilter(text: string): string | null {
  const range = /^[^;]+\/\*$/.test(text);
  const type = toMediaType(range ? text.replace('*', 'any') : restorePlus(text));
  return range && type !== null ? type.replace(/any$/, '*') : type;
}

type ListFilesQuery = z.infer<typeof listFilesQuery>;

export type ListFilesServices = { config: Pick<Config, 'publicBaseUrl'>; files: Pick<FileQueries, 'list'> };

/**
 * A page of the caller's files. Keyset pages: files that come and go meanwhile shift nothing.
 * @returns at most `limit` files, and the cursor of the next page, null on the last.
 */
export async function listFiles(services: ListFilesServices, caller: Caller, query: ListFilesQuery) {
  const { limit } = query;
  const found = await services.files.list({ ...query, ownerId: caller.userId, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    files: page.map(({ row }) => toFile(row, services.config.publicBaseUrl)),
    nextCursor: found.length > page.length && last ? toCursor(query.sort, { key: last.key, id: last.row.id }) : null,
  };
}

/** Opaque to the client: the order, and where in it the page ended. */
function toCursor(sort: Sort, { key, id }: FilePosition): string {
  return Buffer.from(JSON.stringify([sort, key instanceof Date ? key.getTime() : key, id])).toString('base64url');
}

const CURSOR_KEYS = {
  createdAt: z
    .int()
    .min(0)
    .max(MAX_TIME_MS)
    .transform((ms) => new Date(ms)),
  searchName: cleanText,
  sizeBytes: z.int().min(0),
};

/** Null if the text is not a cursor of this order. */
function parseCursor(cursor: string, sort: Sort): FilePosition | null {
  const parts = z.tuple([z.literal(sort), CURSOR_KEYS[FILE_SORTS[sort].key], z.string().regex(FILE_ID_PATTERN)]);
  try {
    const [, key, id] = parts.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { key, id };
  } catch {
    return null;
  }
}

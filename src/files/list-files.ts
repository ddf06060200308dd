import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { nextCursorField } from '../contract/answer-fields.ts';
import { cleanText, documentType, isoTime, MAX_TIME_MS, pageLimit, readAs, recordId } from '../contract/fields.ts';
import { NEW_FILE_STATE, statesWith } from '../contract/file-states.ts';
import { restorePlus, toMediaType } from '../contract/media-type.ts';
import { answers } from '../contract/named-schemas.ts';
import { FILE_ID_PATTERN } from '../contract/object-key.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import { FILE_SORTS, type FilePosition, type FoundFile } from '../db/find-files.ts';
import { readCursor, toCursor } from './cursor.ts';
import { fileAnswer, toFile } from './file-answer.ts';

const sort = z.enum(['createdAt', '-createdAt', 'fileName', '-fileName', 'size', '-size']).default('-createdAt');
type Sort = z.infer<typeof sort>;

/**
 * Filters and sorts the caller's files: `-` is descending; names are ordered by the code points of their lower-case
 * form, equal values by id. Default: active files, newest first.
 */
export const listFilesQuery = z
  .strictObject({
    limit: pageLimit,
    cursor: z
      .string()
      .max(4096)
      .optional()
      .describe('The `nextCursor` of a page in the same order; the filters may differ.'),
    recordId: recordId.optional(),
    documentType: documentType.optional(),
    contentType: readAs(toTypeFilter, 'must be like image/png or image/*')
      .optional()
      .describe('`text/plain` also finds `text/plain; charset=utf-8`, `image/*` all images. Case does not matter.'),
    q: cleanText.max(100).optional().describe('Part of the name. Case does not matter; `%` is a percent sign.'),
    status: z.enum(statesWith('isListed', true)).default(NEW_FILE_STATE),
    createdFrom: isoTime.optional().describe('Created then or later: a date or a time of ISO 8601.'),
    createdTo: isoTime.optional().describe('Created before: a date or a time of ISO 8601.'),
    sort,
  })
  .transform(({ cursor, ...query }, context) => {
    const after = cursor === undefined ? undefined : parseCursor(cursor, query.sort);
    if (after !== null) return { ...query, after };
    context.issues.push({
      code: 'custom',
      path: ['cursor'],
      message: 'is not a cursor of a page in this order',
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

export const filePageAnswer = z
  .strictObject({ files: z.array(fileAnswer), nextCursor: nextCursorField })
  .register(answers, { id: 'FilePage' });

export type ListFilesServices = { config: Pick<Config, 'urls'>; files: Pick<FileQueries, 'list'> };

/**
 * A page of the caller's files, by keyset: files added or removed meanwhile do not shift it.
 * @returns at most `limit` files, and the cursor of the next page (null on the last page).
 */
export async function listFiles(
  services: ListFilesServices,
  caller: Caller,
  query: ListFilesQuery,
): Promise<z.infer<typeof filePageAnswer>> {
  const { limit } = query;
  const found = await services.files.list({ ...query, ownerId: caller.userId, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    files: page.map(({ row }) => toFile(row, services.config.urls.publicBaseUrl)),
    nextCursor: found.length > page.length && last ? toCursor([query.sort, keyOf(last), last.row.id]) : null,
  };
}

/** A time as a number: its text would be read as a name. */
function keyOf({ key }: FoundFile): string | number {
  return key instanceof Date ? key.getTime() : key;
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
  const [, key, id] = readCursor(parts, cursor) ?? [];
  return key === undefined || id === undefined ? null : { key, id };
}

import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import { type AuditServices, recordAct } from '../audit/record-events.ts';
import type { Config } from '../config/config.ts';
import { nextCursorField } from '../contract/answer-fields.ts';
import { MAX_TIME_MS, pageLimit, readAs } from '../contract/fields.ts';
import { answers } from '../contract/named-schemas.ts';
import { FILE_ID_PATTERN, toUserId } from '../contract/object-key.ts';
import type { HeldPosition, HeldQueries } from '../db/create-held-queries.ts';
import { readCursor, toCursor } from './cursor.ts';
import { fileAnswer, toFile } from './file-answer.ts';

const userId = z.string().refine((text) => toUserId(text) !== null, 'is not a user id');

const position = z
  .tuple([z.int().min(0).max(MAX_TIME_MS), z.string().regex(FILE_ID_PATTERN), userId])
  .transform(([ms, id, ownerId]): HeldPosition => ({ createdAt: new Date(ms), id, ownerId }));

/** The query of `GET /held-files`. */
export const heldFilesQuery = z.strictObject({
  limit: pageLimit,
  cursor: z
    .string()
    .max(4096)
    .pipe(readAs((text) => readCursor(position, text), 'is not a cursor of this list'))
    .optional()
    .describe('The `nextCursor` of the page before.'),
  ownerId: userId.optional().describe("Only this user's files."),
});

const heldFileAnswer = fileAnswer
  .extend({ ownerId: z.string().describe("The file's owner: the judge's `X-On-Behalf-Of`.") })
  .register(answers, { id: 'HeldFile' });

export const heldPageAnswer = z
  .strictObject({ files: z.array(heldFileAnswer), nextCursor: nextCursorField })
  .register(answers, { id: 'HeldFilePage' });

export type ListHeldFilesServices = AuditServices & {
  config: Pick<Config, 'urls'>;
  heldQueries: Pick<HeldQueries, 'list'>;
};

/**
 * A page of the files of all users that wait for a verdict, oldest first. Every page is in the audit log.
 * @returns at most `limit` files, and the cursor of the next page (null on the last page).
 * @throws {Problem} `database-unavailable`.
 */
export const listHeldFiles = audited('file.list-held', list, () => ({}));

async function list(
  services: ListHeldFilesServices,
  caller: ActingCaller,
  { limit, cursor, ownerId }: z.infer<typeof heldFilesQuery>,
): Promise<z.infer<typeof heldPageAnswer>> {
  const { publicBaseUrl } = services.config.urls;
  // An admin who acts for a user sees what this user's judge would see; a ticket for a record, this record.
  const owner = caller.isOnBehalf ? caller.userId : ownerId;
  const only = { ownerId: owner, recordId: caller.limits?.recordId };
  const rows = await services.heldQueries.list(limit + 1, cursor, only);
  await recordAct(services, caller, caller.act.action, {});
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    files: page.map((row) => ({ ownerId: row.ownerId, ...toFile(row, publicBaseUrl) })),
    nextCursor: rows.length > page.length && last ? toCursor([last.createdAt.getTime(), last.id, last.ownerId]) : null,
  };
}

import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import { bytesField, fileIdField, nextCursorField, timeField } from '../contract/answer-fields.ts';
import { isoTime, pageLimit, readAs } from '../contract/fields.ts';
import { answers } from '../contract/named-schemas.ts';
import { toUserId } from '../contract/object-key.ts';
import type { AuditLog } from '../db/create-audit-log.ts';

const who = readAs<string>(toUserId, 'must be a user id');

export const listAuditEventsQuery = z.strictObject({
  limit: pageLimit,
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'is not a cursor of this service')
    .transform(Number)
    .optional()
    .describe('The `nextCursor` of the previous page.'),
  userId: who.optional().describe("The file's owner; for a refusal, the user of the request."),
  actorId: who.optional().describe('Who acted.'),
  fileId: z.uuid('must be a UUID').toLowerCase().optional(),
  action: z
    .string()
    .regex(/^[a-z]{1,32}(\.[a-z-]{1,32})?$/, 'must be like download.content, or download for all that begin with it')
    .optional()
    .describe('An action, or its first word: `download` also finds `download.presign`.'),
  outcome: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'must be ok or the code of a problem')
    .optional(),
  from: isoTime.optional().describe('Then or later: a date or a time of ISO 8601.'),
  to: isoTime.optional().describe('Before: a date or a time of ISO 8601.'),
});

export const auditPageAnswer = z
  .strictObject({
    events: z.array(
      z
        .strictObject({
          id: z.string(),
          at: timeField,
          actorId: z.string().describe('Who acted.'),
          userId: z.string().describe("The file's owner; for a refusal, the user of the request."),
          action: z.string(),
          outcome: z.string().describe('`ok`, or the code of the problem.'),
          fileId: fileIdField.nullable(),
          objectKey: z.string().nullable(),
          address: z.string().nullable().describe("The client's IP address; null if unknown."),
          requestId: z.string(),
          sentBytes: bytesField.nullable().describe('`download.sent`: the bytes sent by the service; else null.'),
        })
        .register(answers, { id: 'AuditEvent' }),
    ),
    nextCursor: nextCursorField,
  })
  .register(answers, { id: 'AuditPage' });

/**
 * A page of the audit log, newest first: the events of the caller's files; for an admin without `X-On-Behalf-Of`, all
 * events. Filters narrow these: another user's id finds nothing.
 * @returns at most `limit` events, and the cursor of the next page (null on the last page).
 */
export async function listAuditEvents(
  { auditLog }: { auditLog: AuditLog },
  { userId, isOnBehalf, scopes }: Caller,
  { limit, cursor, ...filter }: z.infer<typeof listAuditEventsQuery>,
): Promise<z.infer<typeof auditPageAnswer>> {
  const readsAll = scopes.has('files:admin') && !isOnBehalf;
  const rows = await auditLog.list({ ...filter, reader: readsAll ? null : userId, limit: limit + 1, before: cursor });
  const page = rows.slice(0, limit);
  return {
    events: page.map(({ id, at, xid, ...event }) => ({ id: String(id), at: at.toISOString(), ...event })),
    nextCursor: rows.length > page.length ? String(page.at(-1)?.id) : null,
  };
}

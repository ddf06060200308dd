import { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import { fileIdField, nextCursorField, timeField } from '../contract/answer-fields.ts';
import { answers } from '../contract/components.ts';
import { pageLimit } from '../contract/fields.ts';
import type { AuditLog } from '../db/create-audit-log.ts';

export const listAuditEventsQuery = z.strictObject({
  limit: pageLimit,
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'is not a cursor of this service')
    .transform(Number)
    .optional()
    .describe('The `nextCursor` of the previous page.'),
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
        })
        .register(answers, { id: 'AuditEvent' }),
    ),
    nextCursor: nextCursorField,
  })
  .register(answers, { id: 'AuditPage' });

/**
 * A page of the audit log, newest first: the events of the caller's files; for an admin without `X-On-Behalf-Of`, all
 * events.
 * @returns at most `limit` events, and the cursor of the next page (null on the last page).
 */
export async function listAuditEvents(
  { auditLog }: { auditLog: AuditLog },
  { userId, isOnBehalf, scopes }: Caller,
  { limit, cursor }: z.infer<typeof listAuditEventsQuery>,
): Promise<z.infer<typeof auditPageAnswer>> {
  const readsAll = scopes.has('files:admin') && !isOnBehalf;
  const rows = await auditLog.list({ userId: readsAll ? null : userId, limit: limit + 1, before: cursor });
  const page = rows.slice(0, limit);
  return {
    events: page.map(({ id, at, xid, ...event }) => ({ id: String(id), at: at.toISOString(), ...event })),
    nextCursor: rows.length > page.length ? String(page.at(-1)?.id) : null,
  };
}

import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import { type AuditServices, recordAct, recordRefusal, type Target } from '../audit/record-events.ts';
import { Problem } from '../contract/errors.ts';
import { toUserId } from '../contract/object-key.ts';
import { type AuditAction, QUIET_ACTIONS } from '../db/audit-row.ts';
import { inTime } from '../net/in-time.ts';
import type { Env } from './env.ts';
import { readJson } from './validate.ts';

/** These get their row here if an admin acts for another user. An abort gets one even if nothing was left to abort. */
const RECORDED_HERE: ReadonlySet<AuditAction> = new Set([...QUIET_ACTIONS, 'upload.abort'] as const);

/** Actions that work without the database: the answer does not wait for their row. */
const PURE: ReadonlySet<AuditAction> = new Set(['upload.limits', 'upload.presign-parts', 'upload.sign-request']);

/** How long to wait for a body that only the audit log needs. */
const BODY_WITHIN_MS = 1_000;

const named = z.object({ fileId: z.string(), objectKey: z.string(), key: z.string() }).partial();

/**
 * Adds audit rows that only the HTTP layer can write: for an act on another user's behalf that has no row yet, and for
 * `forbidden`, which mostly comes before them. The functions behind the routes write all other rows.
 */
export function recordActs(services: AuditServices) {
  return createMiddleware<Env>(async (c, next) => {
    await next();
    const act = c.get('act');
    if (act === undefined || (c.error === undefined && !c.get('caller').isOnBehalf)) return;
    const caller = { ...c.get('caller'), requestId: c.get('requestId'), address: c.get('address') };
    if (c.error instanceof Problem && c.error.code === 'forbidden') {
      const asked = toUserId(Buffer.from(c.req.header('x-on-behalf-of') ?? '', 'latin1').toString());
      const who = { ...caller, userId: asked ?? caller.userId };
      await recordRefusal(services, who, act.action, await targetOf(c, act), c.error);
    }
    if (c.error !== undefined || !RECORDED_HERE.has(act.action)) return;
    const recorded = recordAct(services, caller, act.action, await targetOf(c, act));
    if (!PURE.has(act.action)) return recorded;
    recorded.catch((err: unknown) => {
      services.logger.error(
        { err, requestId: caller.requestId },
        "an act on another user's behalf is missing from the audit log",
      );
    });
  });
}

/** The target of a request, from its path, query or body. */
async function targetOf(c: Context<Env>, { fileId, objectKey }: Target): Promise<Target> {
  if (fileId !== undefined || objectKey !== undefined) return { fileId, objectKey };
  const body = await inTime(readJson(c, named), BODY_WITHIN_MS).catch((): z.infer<typeof named> => ({}));
  return { fileId: body.fileId, objectKey: body.objectKey ?? body.key };
}

import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { z } from 'zod';
import { type AuditServices, recordAct, recordRefusal, type Target } from '../audit/record-refusals.ts';
import { Problem } from '../contract/errors.ts';
import { toUserId } from '../contract/object-key.ts';
import type { AuditAction } from '../db/audit-row.ts';
import { inTime } from '../net/in-time.ts';
import type { Env } from './env.ts';
import { readJson } from './validate.ts';

/** What only looks, or has its row only sometimes: done on another's behalf, it has one from here. */
const RECORDED_HERE: ReadonlySet<AuditAction> = new Set([
  ...(['file.list', 'file.get', 'file.usage', 'audit.list', 'upload.list-parts', 'upload.abort'] as const),
  ...(['upload.presign-parts', 'upload.sign-request'] as const),
]);

/** What needs no database, and is answered while there is none: its row is not waited for. */
const PURE: ReadonlySet<AuditAction> = new Set(['upload.presign-parts', 'upload.sign-request']);

/** A body that was not asked for is not waited for. */
const BODY_WITHIN_MS = 1_000;

const named = z.object({ fileId: z.string(), objectKey: z.string(), key: z.string() }).partial();

/**
 * Adds to the audit log what is known only where a request is answered: each act on another's behalf that has no row
 * from what it did, and each refusal for want of a scope. Everything else has its rows from the functions behind the
 * routes.
 */
export function recordActs(services: AuditServices) {
  return createMiddleware<Env>(async (c, next) => {
    await next();
    const act = c.get('act');
    if (act === undefined) return;
    const caller = { ...c.get('caller'), requestId: c.get('requestId'), address: c.get('address') };
    if (c.error instanceof Problem && c.error.code === 'forbidden') {
      const asked = toUserId(Buffer.from(c.req.header('x-on-behalf-of') ?? '', 'latin1').toString());
      const who = { ...caller, userId: asked ?? caller.userId };
      await recordRefusal(services, who, act.action, await targetOf(c, act), c.error);
    }
    if (c.error !== undefined || !caller.isOnBehalf || !RECORDED_HERE.has(act.action)) return;
    const recorded = recordAct(services, caller, act.action, await targetOf(c, act));
    if (!PURE.has(act.action)) return recorded;
    recorded.catch((err: unknown) => {
      services.logger.error(
        { err, requestId: caller.requestId },
        "an act on another's behalf is missing from the audit log",
      );
    });
  });
}

/** What a request is about: its path and query say it, or its body. */
async function targetOf(c: Context<Env>, { fileId, objectKey }: Target): Promise<Target> {
  if (fileId !== undefined || objectKey !== undefined) return { fileId, objectKey };
  const body = await inTime(readJson(c, named), BODY_WITHIN_MS).catch((): z.infer<typeof named> => ({}));
  return { fileId: body.fileId, objectKey: body.objectKey ?? body.key };
}

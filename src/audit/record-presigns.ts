import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { type AuditServices, actOf } from './record-refusals.ts';

/**
 * With `AUDIT_PRESIGN`, or on another's behalf, puts presigned uploads into the audit log. Nobody waits for it, and
 * signing goes on while the database is down: then they are in the request log alone.
 */
export function recordPresigns(
  { config, auditLog, logger }: AuditServices & { config: Pick<Config, 'auditPresign'> },
  caller: Caller,
  uploads: readonly { fileId: string; objectKey: string }[],
): void {
  const { userId, requestId, isOnBehalf } = caller;
  if (!config.auditPresign && !isOnBehalf) return;
  const act = actOf(caller, 'upload.presign');
  const events = uploads.map(({ fileId, objectKey }) => ({ ...act, userId, outcome: 'ok', fileId, objectKey }));
  auditLog.add(userId, events).catch((err: unknown) => {
    logger.error({ err, requestId }, 'a presigned upload is missing from the audit log');
  });
}

import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { type AuditServices, actOf } from './record-events.ts';

/**
 * Adds presigned uploads to the audit log, with `AUDIT_PRESIGN` or if an admin acts for another user. Signing does not
 * wait for it: while the database is down, only the request log has them.
 */
export function recordPresigns(
  { config, auditLog, logger }: AuditServices & { config: Pick<Config, 'audit'> },
  caller: Caller,
  uploads: readonly { fileId: string; objectKey: string }[],
): void {
  const { userId, requestId, isOnBehalf } = caller;
  if (!config.audit.presigns && !isOnBehalf) return;
  const act = actOf(caller, 'upload.presign');
  const events = uploads.map(({ fileId, objectKey }) => ({ ...act, userId, outcome: 'ok', fileId, objectKey }));
  auditLog.add(userId, events).catch((err: unknown) => {
    logger.error({ err, requestId }, 'a presigned upload is missing from the audit log');
  });
}

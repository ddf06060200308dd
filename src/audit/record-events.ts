import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import type { Problem, ProblemCode } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import { FILE_ID_PATTERN, isCleanText } from '../contract/object-key.ts';
import type { Act, AuditAction } from '../db/audit-row.ts';
import type { AuditLog } from '../db/create-audit-log.ts';
import { inTime } from '../net/in-time.ts';

export type AuditServices = {
  auditLog: Pick<AuditLog, 'add'>;
  logger: Pick<Logger, 'error'>;
};

/** How long the answer waits for the refusal's row, which may be written later: refusing needs no database. */
const RECORDED_WITHIN_MS = 1_000;

/** The file that a caller asks for, as the caller named it; it need not exist. */
export type Target = { fileId?: string | undefined; objectKey?: string | undefined };

/** The columns of a row that come from the caller. */
type Who = Pick<Caller, 'userId' | 'actorId' | 'requestId' | 'address'>;

/** The caller's part of a row in the audit log. */
export function actOf({ actorId, requestId, address }: Omit<Who, 'userId'>, action: AuditAction): Act {
  return { actorId, requestId, address, action };
}

/** Adds a refusal to the audit log, a row for each target. If the log cannot be written, that is only reported. */
export async function recordRefusal(
  { auditLog, logger }: AuditServices,
  caller: Who,
  action: AuditAction,
  target: Target | readonly Target[],
  { code }: Problem,
): Promise<void> {
  const events = [target].flat().map((each) => toEvent(caller, action, code, each));
  await inTime(auditLog.add(caller.userId, events), RECORDED_WITHIN_MS).catch((err: unknown) => {
    logger.error({ err, requestId: caller.requestId }, 'a refusal is missing from the audit log, or late');
  });
}

/** Adds a row for an action that succeeded without changing anything. */
export function recordAct(
  { auditLog }: Pick<AuditServices, 'auditLog'>,
  caller: Who,
  action: AuditAction,
  target: Target,
): Promise<void> {
  return auditLog.add(caller.userId, [toEvent(caller, action, 'ok', target)]);
}

/**
 * Adds how many bytes of a file were sent, after the answer. If the audit log cannot be written, only the service's log
 * has it.
 */
export function recordSent(
  { auditLog, logger }: AuditServices,
  caller: Who,
  target: Target,
  { sentBytes, outcome }: { sentBytes: number; outcome: 'ok' | ProblemCode },
): void {
  auditLog.add(caller.userId, [{ ...toEvent(caller, 'download.sent', outcome, target), sentBytes }]).catch((err) => {
    logger.error(
      { err, requestId: caller.requestId, sentBytes },
      'the end of a download is missing from the audit log',
    );
  });
}

/**
 * Adds presigned uploads, with `AUDIT_PRESIGN` or if an admin acts for another user. Signing does not wait for it:
 * while the database is down, only the request log has them.
 */
export function recordPresigns(
  { config, auditLog, logger }: AuditServices & { config: Pick<Config, 'audit'> },
  caller: Caller,
  uploads: readonly { fileId: string; objectKey: string }[],
): void {
  const { userId, requestId, isOnBehalf } = caller;
  if (!config.audit.presigns && !isOnBehalf) return;
  const events = uploads.map((upload) => toEvent(caller, 'upload.presign', 'ok', upload));
  auditLog.add(userId, events).catch((err: unknown) => {
    logger.error({ err, requestId }, 'a presigned upload is missing from the audit log');
  });
}

function toEvent(caller: Who, action: AuditAction, outcome: string, { fileId = '', objectKey = '' }: Target) {
  return {
    ...actOf(caller, action),
    userId: caller.userId,
    outcome,
    fileId: FILE_ID_PATTERN.test(fileId.toLowerCase()) ? fileId : null,
    objectKey: objectKey !== '' && isCleanText(objectKey) ? objectKey : null,
  };
}

import type { Caller } from '../auth/caller.ts';
import type { Act, AuditAction } from '../db/audit-row.ts';
import type { AuditLog } from '../db/create-audit-log.ts';
import { PROBLEMS, Problem } from '../errors.ts';
import { FILE_ID_PATTERN, isCleanText } from '../object-key.ts';

export type AuditServices = {
  auditLog: Pick<AuditLog, 'add'>;
  logger: { error: (fields: Record<string, unknown>, message: string) => void };
};

/** What a caller asks for, as the caller named it, whether there is such a thing or not. */
type Target = { fileId?: string | undefined; objectKey?: string | undefined };

/** The caller's part of a row in the audit log. */
export function actOf({ actorId, requestId, address }: Caller, action: AuditAction): Act {
  return { actorId, requestId, address, action };
}

/**
 * Runs what a caller asks for; where the answer is a refusal (4xx), it goes into the audit log, a row for each target.
 * What succeeds writes its own rows, together with what it changes. A log that cannot be written turns no refusal into
 * anything else.
 * @throws what `task` throws.
 */
export async function recordRefusals<T>(
  { auditLog, logger }: AuditServices,
  caller: Caller,
  action: AuditAction,
  target: Target | readonly Target[],
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof Problem && PROBLEMS[error.code].status < 500) {
      const events = [target].flat().map(({ fileId = '', objectKey = '' }) => ({
        ...actOf(caller, action),
        userId: caller.userId,
        outcome: error.code,
        fileId: FILE_ID_PATTERN.test(fileId.toLowerCase()) ? fileId : null,
        objectKey: objectKey !== '' && isCleanText(objectKey) ? objectKey : null,
      }));
      await auditLog.add(caller.userId, events).catch((err: unknown) => {
        logger.error({ err, requestId: caller.requestId }, 'a refusal is missing from the audit log');
      });
    }
    throw error;
  }
}

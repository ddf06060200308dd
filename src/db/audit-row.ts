import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import type { FileStep, StatesWith } from '../contract/file-states.ts';
import { type AuditEventRow, auditEvents } from './schema.ts';

/**
 * Actions that only read, or only sign what the bucket will check. The audit log has them if they are done on another
 * user's behalf, or refused because of a missing scope: the HTTP layer writes these rows, not the functions behind it.
 */
export const QUIET_ACTIONS = [
  ...(['upload.list-parts', 'upload.presign-parts', 'upload.sign-request'] as const),
  ...(['file.list', 'file.get', 'file.usage', 'audit.list'] as const),
] as const;

/** Everything that is in the audit log. A new action that only reads belongs to `QUIET_ACTIONS`. */
export type AuditAction =
  | (typeof QUIET_ACTIONS)[number]
  | 'upload.presign'
  | 'upload.confirm'
  | 'upload.abort'
  | 'download.presign'
  | 'download.redirect'
  | 'download.content'
  | 'file.update'
  | `file.${FileStep}`
  /** What the sweeper removed: uploads nobody confirmed; strays; deleted files; refused uploads; unfinished parts. */
  | 'sweep.abandoned'
  | 'sweep.stray'
  | `sweep.${StatesWith<'isFinal', true>}`
  | 'sweep.aborted'
  /** A row that was made again from the bucket. */
  | 'file.rebuild';

/** Who does what, from where, on which request. */
export type Act = Pick<AuditEventRow, 'actorId' | 'address' | 'requestId'> & { action: AuditAction };

/**
 * Adds a row to the audit log for each file that `these` (a part of the same statement) has, so that neither is there
 * without the other. The statement's values must have those of an `Act`.
 */
export function logOf(these: SQLWrapper, where: SQL = sql``): SQL {
  const p = sql.placeholder;
  return sql`
    insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
    select ${p('actorId')}, owner_id, ${p('action')}, 'ok', id, object_key, ${p('address')}, ${p('requestId')}
    from ${these} ${where}`;
}

/** The same for what the sweeper removed: `these` has id, owner_id and object_key. */
export function logRemovals({ actorId, address, requestId, action }: Act, these: SQLWrapper): SQL {
  return sql`
    insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
    select ${actorId}, owner_id, ${action}, 'ok', id, object_key, ${address}, ${requestId} from ${these}`;
}

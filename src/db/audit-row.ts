import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import type { FileStep, StatesWith, VerdictName } from '../contract/file-states.ts';
import { type AuditEventRow, auditEvents } from './audit-schema.ts';

/**
 * Actions that only read, or sign what the bucket will check. They are logged only if an admin acts for another user or
 * the scope is missing: the HTTP layer writes these rows, not the functions behind it.
 */
export const QUIET_ACTIONS = [
  ...(['upload.limits', 'upload.list-parts', 'upload.presign-parts', 'upload.sign-request'] as const),
  ...(['file.list', 'file.get', 'file.usage', 'audit.list'] as const),
] as const;

/** Every action in the audit log. A new action that only reads belongs in `QUIET_ACTIONS`. */
export type AuditAction =
  | (typeof QUIET_ACTIONS)[number]
  | 'upload.presign'
  | 'upload.confirm'
  | 'upload.abort'
  | 'credentials.issue'
  | 'download.presign'
  | 'download.redirect'
  | 'download.content'
  /** The end of a `download.content` with a body, and how many bytes were sent. */
  | 'download.sent'
  | 'file.update'
  | `file.${FileStep}`
  /** A verdict on a held file; a refused one; a page of all held files; and what a judge asked to read. */
  | `file.${VerdictName}`
  | 'file.judge'
  | 'file.list-held'
  | 'download.judge'
  /** What the sweeper removed: unconfirmed uploads; strays; deleted, rejected and refused files; unfinished parts. */
  | 'sweep.abandoned'
  | 'sweep.stray'
  | `sweep.${StatesWith<'object', 'waits' | 'goes'>}`
  | 'sweep.aborted'
  /** A row that was rebuilt from the bucket; a file that was made of an object from before this service. */
  | 'file.rebuild'
  | 'file.import'
  /** The rows of a seal were dropped: the request id has its number. */
  | 'audit.drop'
  /** A row that got the ETag and the version of its object in another bucket. */
  | 'file.rebind'
  /** A file whose object was encrypted again, with a key of the newest master key. */
  | 'file.rekey';

/** The actor, address, request and action of a row. */
export type Act = Pick<AuditEventRow, 'actorId' | 'address' | 'requestId'> & { action: AuditAction };

/**
 * Adds a row to the audit log for each file in `these`, in the same statement, so that both happen or neither. The
 * statement's values must include those of an `Act`.
 */
export function logOf(these: SQLWrapper, where: SQL = sql``): SQL {
  const p = sql.placeholder;
  return sql`
    insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
    select ${p('actorId')}, owner_id, ${p('action')}, 'ok', id, object_key, ${p('address')}, ${p('requestId')}
    from ${these} ${where}`;
}

/** The same for objects, by the service itself: `these` has id, owner_id and object_key. */
export function logObjects({ actorId, address, requestId, action }: Act, these: SQLWrapper): SQL {
  return sql`
    insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
    select ${actorId}, owner_id, ${action}, 'ok', id, object_key, ${address}, ${requestId} from ${these}`;
}

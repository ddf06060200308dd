import { type SQLWrapper, sql } from 'drizzle-orm';
import type { AuditAction } from './audit-row.ts';
import { type WebhookType, webhookMessages } from './webhook-schema.ts';

/** The events that actions on files lead to. All other actions have none. */
const TYPE_OF: Partial<Record<AuditAction, WebhookType>> = {
  'upload.confirm': 'file.confirmed',
  'file.clean': 'file.clean',
  'file.rejected': 'file.rejected',
  'file.archive': 'file.archived',
  'file.restore': 'file.restored',
  'file.delete': 'file.deleted',
};

/** The event of a change by this action; null if it has none. */
export function webhookTypeOf(action: AuditAction): WebhookType | null {
  return TYPE_OF[action] ?? null;
}

/** Adds an event for each row of `files` in `these`, in the same statement, so that both happen or neither. */
export function queueOf(these: SQLWrapper, type: WebhookType) {
  return sql`
    insert into ${webhookMessages} (type, owner_id, file_id, file)
    select ${type}::text, owner_id, id, to_jsonb(${these}) from ${these}`;
}

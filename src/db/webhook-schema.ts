import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, jsonb, pgPolicy, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { ownRows, time, userRole } from './schema.ts';

/**
 * Events to be sent to `WEBHOOK_URL`: a row is added by the statement that changes the file. It is then waiting, until
 * it is delivered or dead. Delivered rows are deleted after a week, dead ones never.
 *
 * `USER_ROLE` may insert the columns that have no default: a new one needs `GRANT INSERT ("name") ON "webhook_messages"
 * TO signpost_app`.
 */
export const webhookMessages = pgTable(
  'webhook_messages',
  {
    /** Increases with the changes of a file: a change holds the lock of the file's row. */
    number: bigint('number', { mode: 'number' }).generatedAlwaysAsIdentity(),
    /** The same in every attempt, and in no other database: receivers tell repeated messages by it. */
    id: uuid('id').notNull().defaultRandom(),
    type: text('type', {
      enum: [
        ...(['file.confirmed', 'file.clean', 'file.rejected'] as const),
        ...(['file.archived', 'file.restored', 'file.deleted', 'upload.refused', 'upload.abandoned'] as const),
      ],
    }).notNull(),
    /** When the file changed: while its row is locked, so a later change has a later time. */
    at: time('at').notNull().default(sql`clock_timestamp()`),
    ownerId: text('owner_id').notNull(),
    fileId: uuid('file_id').notNull(),
    /** The row of `files` after the change. */
    file: jsonb('file').notNull(),
    /** Attempts that have failed. */
    failures: integer('failures').notNull().default(0),
    /** Why the last attempt failed. */
    lastFailure: text('last_failure'),
    /** When to try next; while an attempt runs, when another instance may take it over. */
    dueAt: time('due_at').notNull().defaultNow(),
    /** Whether it waits, until `due_at`, for an earlier one of its file: no instance has claimed it. */
    isPostponed: boolean('is_postponed').notNull().default(false),
    deliveredAt: time('delivered_at'),
    /** When the last attempt failed, after which there is none. */
    deadAt: time('dead_at'),
  },
  (t) => {
    const isWaiting = sql`${t.deliveredAt} is null and ${t.deadAt} is null`;
    return [
      primaryKey({ name: 'webhook_messages_pkey', columns: [t.number] }),
      index('webhook_messages_due_idx').on(t.dueAt).where(isWaiting),
      // For the order: the earliest one of the file that is waiting. Negated, so that only these queries use it.
      index('webhook_messages_head_idx').on(t.ownerId, t.fileId, sql`(-${t.number})`).where(isWaiting),
      index('webhook_messages_delivered_idx').on(t.deliveredAt).where(sql`${t.deliveredAt} is not null`),
      index('webhook_messages_dead_idx').on(t.number).where(sql`${t.deadAt} is not null`),
      pgPolicy('webhook_messages_add_own', { to: userRole, for: 'insert', withCheck: ownRows(t.ownerId) }),
    ];
  },
);

export type WebhookMessageRow = typeof webhookMessages.$inferSelect;

export type WebhookType = WebhookMessageRow['type'];

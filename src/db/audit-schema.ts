import { sql } from 'drizzle-orm';
import { bigint, customType, index, integer, pgPolicy, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { ownRows, time, userRole } from './schema.ts';

/** A transaction's id, which never wraps around (PostgreSQL documentation, section 66.1). */
const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/**
 * Who did what to which file: rows are added and never changed. `USER_ROLE` may insert every column except those that
 * the database fills (`id`, `xid`, `at`): a new column needs `GRANT INSERT ("name") ON "audit_events" TO signpost_app`.
 */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity(),
    /** The transaction that added the row: it separates finished transactions from running ones. */
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    at: time('at').notNull().defaultNow(),
    /** Who acted; differs from `userId` if an admin acted for another user. */
    actorId: text('actor_id').notNull(),
    /** The file's owner; for a refusal, the user of the request. */
    userId: text('user_id').notNull(),
    action: text('action').notNull(),
    /** `ok`, or the code of the problem. */
    outcome: text('outcome').notNull(),
    fileId: uuid('file_id'),
    objectKey: text('object_key'),
    /** The client's IP address, if known. */
    address: text('address'),
    requestId: text('request_id').notNull(),
    /** `download.sent`: how many bytes of the file the service sent. Null for every other action. */
    sentBytes: bigint('sent_bytes', { mode: 'number' }),
  },
  (t) => [
    primaryKey({ name: 'audit_events_pkey', columns: [t.id] }),
    index('audit_events_user_idx').on(t.userId, t.id),
    index('audit_events_xid_idx').on(t.xid, t.id),
    index('audit_events_file_idx').on(t.fileId, t.id).where(sql`${t.fileId} is not null`),
    // Rows come almost in the order of their time: a thousandth of a B-tree's size, and nearly free to keep.
    index('audit_events_at_idx').using('brin', t.at),
    pgPolicy('audit_events_read_own', { to: userRole, for: 'select', using: ownRows(t.userId) }),
    pgPolicy('audit_events_add_own', { to: userRole, for: 'insert', withCheck: ownRows(t.userId) }),
  ],
);

export type AuditEventRow = typeof auditEvents.$inferSelect;

/** Each seal covers the audit log since the previous seal: `src/audit/seal-audit-log.ts`. */
export const auditSeals = pgTable(
  'audit_seals',
  {
    /** 1, 2, 3, … without a gap. */
    number: integer('number').notNull(),
    /** The rows of transactions from this one, up to but excluding `toXid`. */
    fromXid: xid8('from_xid').notNull(),
    toXid: xid8('to_xid').notNull(),
    events: bigint('events', { mode: 'number' }).notNull(),
    /**
     * The highest id so far. After a move to another cluster, where transaction ids start again, higher ids are new
     * rows.
     */
    lastId: bigint('last_id', { mode: 'number' }).notNull(),
    /** SHA-256, hexadecimal, over the previous seal and the rows. */
    hash: text('hash').notNull(),
    sealedAt: time('sealed_at').notNull(),
    /** When its rows were dropped, because they were old: `src/audit/drop-stretches.ts`. */
    droppedAt: time('dropped_at'),
  },
  (t) => [primaryKey({ name: 'audit_seals_pkey', columns: [t.number] })],
).enableRLS();

export type AuditSealRow = typeof auditSeals.$inferSelect;

import { type SQLWrapper, sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgPolicy,
  pgRole,
  pgTable,
  pgView,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Mismatch, ProblemCode } from '../contract/errors.ts';
import { FILE_STATE_NAMES, type FileState, NEW_FILE_STATE, statesWith } from '../contract/file-states.ts';

/**
 * Who a user's statements run as: a role without any rights but those the migrations grant, for whom row level security
 * holds (`Database.asUser`). The role that logs in owns the tables, and reads past their policies: jobs need to.
 */
export const USER_ROLE = 'signpost_app';
const userRole = pgRole(USER_ROLE).existing();

/** Where `Database.asUser` puts the user's id, for the policies. */
export const USER_SETTING = 'signpost.user_id';

const LOGIN_RUNS_SERVICE = "(select has_table_privilege(session_user, 'leases'::regclass, 'update'))";

/**
 * The rows of the user whose statement it is; no row without a user. And none for a login of another database of the
 * same cluster, which may well act as `USER_ROLE`, too: roles are the whole cluster's. Who serves this database may
 * write its leases, as its owner or by a grant; asked once a statement, not for each row.
 */
const ownRows = (ownerId: SQLWrapper) =>
  sql`${ownerId} = current_setting('${sql.raw(USER_SETTING)}', true) and ${sql.raw(LOGIN_RUNS_SERVICE)}`;

/** Milliseconds, as a JavaScript `Date` holds them: a cursor made from a row must equal what is stored. */
const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** These states, written out: a check has no parameters. */
const inStates = (status: SQLWrapper, states: readonly FileState[]) =>
  sql`${status} in (${sql.raw(states.map((state) => `'${state}'`).join(', '))})`;

/** Why an upload was refused: the error that every later confirmation gets. */
export type Refusal = {
  code: Extract<ProblemCode, 'verification-failed' | 'quota-exceeded'>;
  detail: string;
  errors?: readonly Mismatch[] | undefined;
};

/**
 * One row for each upload that was verified, and for each that was refused. `npx drizzle-kit generate` turns a change
 * here into a migration. It may have millions of rows: what locks it for long (an index, a key, a check of every row)
 * goes into a migration that runs statement by statement, see `migrateDatabase`.
 *
 * `USER_ROLE` may add a row with all its columns and update only those that change: a column that changes needs
 * `GRANT UPDATE ("name") ON "files" TO signpost_app` in its migration.
 */
export const files = pgTable(
  'files',
  {
    /**
     * UUIDv7, the one in the object key: confirming twice meets its own row. Of one owner; another's may be the same.
     */
    id: uuid('id').notNull(),
    ownerId: text('owner_id').notNull(),
    objectKey: text('object_key').notNull(),
    /** Where the bytes are, when a verified upload was copied away from `object_key`. */
    storedKey: text('stored_key'),
    /** As the client named it, any Unicode; the reduced name is in the key. */
    fileName: text('file_name').notNull(),
    /** As it was claimed, in the form that `toMediaType` gives it. */
    contentType: text('content_type').notNull(),
    /** What its first bytes say it is; null where they say nothing for certain. */
    detectedContentType: text('detected_content_type'),
    /** Up to 5 TiB, well inside a double's 2^53. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    etag: text('etag').notNull(),
    versionId: text('version_id'),
    /** Base64 of 32 bytes. */
    checksumSha256: text('checksum_sha256'),
    recordId: text('record_id'),
    documentType: text('document_type'),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull().default({}),
    status: text('status', { enum: FILE_STATE_NAMES }).notNull().default(NEW_FILE_STATE),
    createdAt: time('created_at').notNull(),
    /** Of a refused one; null where it was given up or never confirmed. */
    refusal: jsonb('refusal').$type<Refusal>(),
    /** When it was deleted or refused. */
    deletedAt: time('deleted_at'),
    /** When its object was removed: the last that remains to be done for a deleted file. */
    objectRemovedAt: time('object_removed_at'),
  },
  (t) => [
    // Ids are unique per owner, so a user who learns another's id cannot block it.
    primaryKey({ name: 'files_pkey', columns: [t.ownerId, t.id] }),
    unique('files_object_key_key').on(t.objectKey),
    // The files of a record and those of a document type, in the order of time. The indexes of the orders themselves,
    // and the one of names, are at `ownFiles`. All ascending on purpose: read backward they are newest first, while
    // `.desc()` would emit DESC NULLS LAST, which does not serve ORDER BY created_at DESC.
    index('files_record_idx')
      .on(t.ownerId, t.status, t.recordId, t.createdAt, t.id)
      .where(sql`${t.recordId} is not null`),
    index('files_document_type_idx')
      .on(t.ownerId, t.status, t.documentType, t.createdAt, t.id)
      .where(sql`${t.documentType} is not null`),
    // For types that are rare. Few and long groups of equal keys: PostgreSQL keeps each key once, so it is small.
    index('files_content_type_idx').on(t.ownerId, t.status, t.contentType),
    uniqueIndex('files_stored_key_key').on(t.storedKey).where(sql`${t.storedKey} is not null`),
    // What the sweeper has to finish, and what it may forget.
    index('files_deleted_idx').on(t.deletedAt, t.id).where(sql`${t.deletedAt} is not null`),
    check('files_size_bytes_check', sql`${t.sizeBytes} >= 0`),
    check('files_status_check', inStates(t.status, FILE_STATE_NAMES)),
    check(
      'files_deleted_at_check',
      sql`(${t.deletedAt} is not null) = (${inStates(t.status, statesWith('isFinal', true))})`,
    ),
    pgPolicy('files_own', { to: userRole, using: ownRows(t.ownerId), withCheck: ownRows(t.ownerId) }),
  ],
);

export type FileRow = typeof files.$inferSelect;

/**
 * The user's own files, as they are found: a view that the role that logs in owns and that holds them to their user by
 * itself, with the same words as the policy on `files`. Behind a policy PostgreSQL takes into an index only what cannot
 * leak (section 41.5 of its documentation), and a search in names is not of that kind. What it finds is read from
 * `files`.
 *
 * Drizzle cannot say these, so the migration 0004 has them by hand:
 * - `files_by_time_idx`, `files_by_name_idx`, `files_by_size_idx`: one for each order, with the columns that filters
 *   look at (INCLUDE), so that the table is not read for a file that is passed over.
 * - `files_grams_idx`: a GIN index of all three characters in a row of `search_name`, for names that are rare.
 */
export const ownFiles = pgView('own_files', {
  id: uuid('id').notNull(),
  ownerId: text('owner_id').notNull(),
  status: text('status').notNull(),
  createdAt: time('created_at').notNull(),
  /** `file_name` in lower case and in Unicode's form NFC, generated by the database and ordered by its bytes. */
  searchName: text('search_name').notNull(),
  sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
  recordId: text('record_id'),
  documentType: text('document_type'),
  contentType: text('content_type').notNull(),
}).existing();

/** What each user's active and archived files add up to; a trigger on `files` keeps it, and the quota. */
export const fileUsage = pgTable(
  'file_usage',
  {
    ownerId: text('owner_id').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    files: bigint('files', { mode: 'number' }).notNull(),
  },
  (t) => [
    primaryKey({ name: 'file_usage_pkey', columns: [t.ownerId] }),
    pgPolicy('file_usage_own', { to: userRole, for: 'select', using: ownRows(t.ownerId) }),
  ],
);

/** A transaction's id, which never wraps around (PostgreSQL documentation, section 66.1). */
const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/**
 * Who runs a job, of all instances: `create-leases.ts`. Whoever may write these is served by row level security, see
 * `ownRows`: grant it to the logins of this database only.
 */
export const leases = pgTable(
  'leases',
  {
    name: text('name').notNull(),
    /** Of the run, not of the instance. */
    holder: text('holder').notNull(),
    /** One more for each holder. */
    fence: bigint('fence', { mode: 'number' }).notNull(),
    /** By the database's clock. */
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [primaryKey({ name: 'leases_pkey', columns: [t.name] })],
).enableRLS();

/**
 * Who did what to which file: rows are added and never changed. `USER_ROLE` may give every column but those that the
 * database itself fills (`id`, `xid`, `at`): a new column needs `GRANT INSERT ("name") ON "audit_events" TO
 * signpost_app`.
 */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity(),
    /** The transaction that added the row: what tells the rows of finished transactions from those still to come. */
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    at: time('at').notNull().defaultNow(),
    /** Who acted; differs from `userId` where somebody acted on another's behalf. */
    actorId: text('actor_id').notNull(),
    /** Whose file it is; of a refusal, as whom it was asked for. */
    userId: text('user_id').notNull(),
    action: text('action').notNull(),
    /** `ok`, or the code of the problem that was the answer. */
    outcome: text('outcome').notNull(),
    fileId: uuid('file_id'),
    objectKey: text('object_key'),
    /** The client's IP address, as far as it is known. */
    address: text('address'),
    requestId: text('request_id').notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_events_pkey', columns: [t.id] }),
    index('audit_events_user_idx').on(t.userId, t.id),
    index('audit_events_xid_idx').on(t.xid, t.id),
    pgPolicy('audit_events_read_own', { to: userRole, for: 'select', using: ownRows(t.userId) }),
    pgPolicy('audit_events_add_own', { to: userRole, for: 'insert', withCheck: ownRows(t.userId) }),
  ],
);

export type AuditEventRow = typeof auditEvents.$inferSelect;

/** Each closes the stretch of the audit log from the seal before to its own end: `src/audit/seal-audit-log.ts`. */
export const auditSeals = pgTable(
  'audit_seals',
  {
    /** 1, 2, 3, … without a gap. */
    number: integer('number').notNull(),
    /** The stretch: the rows of transactions from this one on, and before the other. */
    fromXid: xid8('from_xid').notNull(),
    toXid: xid8('to_xid').notNull(),
    events: bigint('events', { mode: 'number' }).notNull(),
    /** The highest id up to here: after a move to another cluster, where transactions count anew, higher are new. */
    lastId: bigint('last_id', { mode: 'number' }).notNull(),
    /** SHA-256, hexadecimal, over the seal before and the rows. */
    hash: text('hash').notNull(),
    sealedAt: time('sealed_at').notNull(),
  },
  (t) => [primaryKey({ name: 'audit_seals_pkey', columns: [t.number] })],
).enableRLS();

export type AuditSealRow = typeof auditSeals.$inferSelect;

/** What a sweep has counted. */
export type SweepCounts = {
  /** Objects that were looked at. */
  listed: number;
  /** Objects under keys that are not an upload's: left alone. */
  foreign: number;
  /** Uploads that were not confirmed within a day: removed. */
  abandoned: number;
  /** Copies that belong to no file, and objects uploaded again after their file was confirmed or deleted: removed. */
  stray: number;
  /** Objects of deleted files and of refused uploads whose time had come: removed. */
  deleted: number;
  /** Uploads in parts that were not finished within a week: aborted. */
  aborted: number;
  /** Rows of deleted files whose upload URLs have all expired: deleted. */
  forgotten: number;
  /** Files whose object is missing: reported, and left as they are. */
  missing: number;
  /** Objects that the bucket refused to remove (Object Lock, a policy) or did not answer for: reported, and retried. */
  failed: number;
};

/** The one row of the sweeper: how far it is, or how the last sweep ended. */
export const sweeps = pgTable(
  'sweeps',
  {
    id: integer('id').notNull(),
    afterKey: text('after_key'),
    counts: jsonb('counts').$type<SweepCounts>().notNull(),
    startedAt: time('started_at').notNull(),
    finishedAt: time('finished_at'),
  },
  (t) => [primaryKey({ name: 'sweeps_pkey', columns: [t.id] }), check('sweeps_id_check', sql`${t.id} = 1`)],
).enableRLS();

/**
 * The words that this database has written, or was about to write, into the bucket's marker. Whichever of them is
 * there, the bucket is this database's; one that is not here was written by another, or by this one after what it has
 * now been set back to: `src/jobs/examine-marker.ts`.
 */
export const markerWords = pgTable(
  'marker_words',
  {
    word: text('word').notNull(),
    issuedAt: time('issued_at').notNull().defaultNow(),
    /** Whether the bucket has taken it. */
    isWritten: boolean('is_written').notNull().default(false),
  },
  (t) => [primaryKey({ name: 'marker_words_pkey', columns: [t.word] })],
).enableRLS();

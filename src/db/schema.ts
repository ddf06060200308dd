import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import {
  bigint,
  check,
  index,
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
import type { Refusal } from '../contract/errors.ts';
import { FILE_STATE_NAMES, type FileState, NEW_FILE_STATE, statesWith, type Verdict } from '../contract/file-states.ts';

/**
 * The role of users' statements (`Database.asUser`). It has only the rights that the migrations grant, and row level
 * security applies to it. The role that logs in owns the tables and bypasses their policies, as jobs need.
 */
export const USER_ROLE = 'signpost_app';
export const userRole = pgRole(USER_ROLE).existing();

/** The setting in which `Database.asUser` puts the user's id, for the policies. */
export const USER_SETTING = 'signpost.user_id';

const LOGIN_RUNS_SERVICE = "(select has_table_privilege(session_user, 'leases'::regclass, 'update'))";

/**
 * The rows of the statement's user; no row without a user. Roles belong to the whole cluster, so a login of another
 * database may also act as `USER_ROLE`; it gets no row. Only logins that serve this database may write its leases, as
 * owner or by a grant; this is checked once per statement.
 */
export const ownRows = (ownerId: SQLWrapper) =>
  sql`${ownerId} = current_setting('${sql.raw(USER_SETTING)}', true) and ${sql.raw(LOGIN_RUNS_SERVICE)}`;

/** With milliseconds, as a JavaScript `Date`: a cursor made from a row must equal the stored time. */
export const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Of these, the object is removed. */
const WITHOUT_OBJECT = [...statesWith('object', 'waits'), ...statesWith('object', 'goes')];

/** The states as literals, because a check has no parameters. */
const inStates = (status: SQLWrapper, states: readonly FileState[]) =>
  sql`${status} in (${sql.raw(states.map((state) => `'${state}'`).join(', '))})`;

/**
 * One row for each verified upload and each refused one. `npx drizzle-kit generate` turns a change here into a
 * migration. The table may have millions of rows: a change that locks it for long (an index, a key, a check of every
 * row) needs a migration that runs statement by statement, see `migrateDatabase`.
 *
 * `USER_ROLE` may insert all columns and update only some: a new column that users change needs `GRANT UPDATE ("name")
 * ON "files" TO signpost_app` in its migration.
 */
export const files = pgTable(
  'files',
  {
    /**
     * The UUIDv7 of the object key, so that confirming twice finds the same row. Unique for each owner.
     */
    id: uuid('id').notNull(),
    ownerId: text('owner_id').notNull(),
    objectKey: text('object_key').notNull(),
    /** The key of the verified copy, if the upload was copied from `object_key`. */
    storedKey: text('stored_key'),
    /** As the client named it, any Unicode; the reduced name is in the key. */
    fileName: text('file_name').notNull(),
    /** The type that the client claimed, normalized by `toMediaType`. */
    contentType: text('content_type').notNull(),
    /** The type detected from the first bytes; null if it is not certain. */
    detectedContentType: text('detected_content_type'),
    /** Up to 5 TiB, well inside a double's 2^53. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    etag: text('etag').notNull(),
    versionId: text('version_id'),
    /** The id of the master key from which the object's own key is derived (SSE-C); null: it has none. */
    sseKeyId: text('sse_key_id'),
    /** Base64 of 32 bytes. */
    checksumSha256: text('checksum_sha256'),
    recordId: text('record_id'),
    documentType: text('document_type'),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull().default({}),
    /** How the file is decrypted, if the client encrypted it: opaque, `ENCRYPTION_PATTERN`. */
    encryption: text('encryption'),
    status: text('status', { enum: FILE_STATE_NAMES }).notNull().default(NEW_FILE_STATE),
    createdAt: time('created_at').notNull(),
    /** Why the upload was refused; null if it was aborted or never confirmed. */
    refusal: jsonb('refusal').$type<Refusal>(),
    /** Null until a held file is judged, and for files that were never held. */
    verdict: jsonb('verdict').$type<Verdict>(),
    /** When it was deleted, rejected or refused. */
    deletedAt: time('deleted_at'),
    /** When its object was removed: the last step of a deletion. */
    objectRemovedAt: time('object_removed_at'),
  },
  (t) => [
    // Ids are unique per owner, so a user who learns another's id cannot block it.
    primaryKey({ name: 'files_pkey', columns: [t.ownerId, t.id] }),
    unique('files_object_key_key').on(t.objectKey),
    // The files of a record and of a document type, by time. See `ownFiles` for the indexes of the sort orders and of
    // names. All are ascending: read backward they give the newest first, while `.desc()` would emit DESC NULLS LAST,
    // which does not serve ORDER BY created_at DESC.
    index('files_record_idx')
      .on(t.ownerId, t.status, t.recordId, t.createdAt, t.id)
      .where(sql`${t.recordId} is not null`),
    index('files_document_type_idx')
      .on(t.ownerId, t.status, t.documentType, t.createdAt, t.id)
      .where(sql`${t.documentType} is not null`),
    // For kinds of types, and types with parameters. Its few distinct keys are each stored once, so it is small.
    index('files_content_type_idx').on(t.ownerId, t.status, t.contentType),
    uniqueIndex('files_stored_key_key').on(t.storedKey).where(sql`${t.storedKey} is not null`),
    // For the sweeper: deletions to finish, and rows to forget.
    index('files_deleted_idx').on(t.deletedAt, t.id).where(sql`${t.deletedAt} is not null`),
    // For the scanner: the files that wait for a verdict, oldest first.
    index('files_held_idx')
      .on(t.createdAt, t.id, t.ownerId)
      .where(inStates(t.status, ['held'])),
    check('files_size_bytes_check', sql`${t.sizeBytes} >= 0`),
    check('files_status_check', inStates(t.status, FILE_STATE_NAMES)),
    check('files_deleted_at_check', sql`(${t.deletedAt} is not null) = (${inStates(t.status, WITHOUT_OBJECT)})`),
    pgPolicy('files_own', { to: userRole, using: ownRows(t.ownerId), withCheck: ownRows(t.ownerId) }),
  ],
);

/** A content type without its parameters, written as the index `files_main_type_idx` has it. */
export function mainType(contentType: SQLWrapper): SQL {
  return sql`rtrim(split_part(${contentType}, ';', 1))`;
}

export type FileRow = typeof files.$inferSelect;

/**
 * The user's own files, for searches: a view owned by the role that logs in, with the same condition as the policy on
 * `files`. With a policy, PostgreSQL uses an index only for leakproof conditions (section 41.5 of its documentation),
 * and a search in names is not leakproof. The rows found are then read from `files`.
 *
 * Drizzle cannot express these indexes, so the migrations 0004, 0014 and 0019 have them by hand:
 * - `files_main_type_idx`: the files of a content type without its parameters (`mainType`), by time.
 * - `files_by_time_idx`, `files_by_name_idx`, `files_by_size_idx`: one for each sort order, with the columns of the
 * filters (INCLUDE), so that the table is not read for files that do not match.
 * - `files_listed_grams_idx`: a GIN index of all trigrams of `search_name`, for rare names.
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

/** The total of each user's held, active and archived files; a trigger on `files` updates it and enforces the quota. */
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

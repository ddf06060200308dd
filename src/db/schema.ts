import { sql } from 'drizzle-orm';
import { bigint, check, index, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core';

/** One row for each upload that was verified. `npx drizzle-kit generate` turns a change here into a migration. */
export const files = pgTable(
  'files',
  {
    /** UUIDv7, the one in the object key: confirming twice meets its own row. */
    id: uuid('id').notNull(),
    ownerId: text('owner_id').notNull(),
    objectKey: text('object_key').notNull(),
    /** Where the bytes are, when a verified upload was copied away from `object_key`. */
    storedKey: text('stored_key'),
    /** As the client named it, any Unicode; the reduced name is in the key. */
    fileName: text('file_name').notNull(),
    contentType: text('content_type').notNull(),
    /** Up to 5 TiB, well inside a double's 2^53. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    etag: text('etag').notNull(),
    versionId: text('version_id'),
    /** Base64 of 32 bytes. */
    checksumSha256: text('checksum_sha256'),
    recordId: text('record_id'),
    documentType: text('document_type'),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull().default({}),
    status: text('status', { enum: ['active', 'archived', 'deleted'] })
      .notNull()
      .default('active'),
    /** Milliseconds, as a JavaScript `Date` holds them: a cursor made from a row must equal what is stored. */
    createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (t) => [
    primaryKey({ name: 'files_pkey', columns: [t.id] }),
    unique('files_object_key_key').on(t.objectKey),
    // Ascending on purpose: read backward it is newest first, while `.desc()` here would emit DESC NULLS LAST,
    // which does not serve ORDER BY created_at DESC.
    index('files_owner_status_created_idx').on(t.ownerId, t.status, t.createdAt, t.id),
    check('files_size_bytes_check', sql`${t.sizeBytes} >= 0`),
    check('files_status_check', sql`${t.status} in ('active', 'archived', 'deleted')`),
  ],
);

export type FileRow = typeof files.$inferSelect;

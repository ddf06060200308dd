import { sql } from 'drizzle-orm';
import { bigint, boolean, check, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { time } from './schema.ts';

/**
 * The instance that runs a job: `create-leases.ts`. A login that may write this table gets users' rows (`ownRows`):
 * grant it to the logins of this database only.
 */
export const leases = pgTable(
  'leases',
  {
    name: text('name').notNull(),
    /** Of the run, not of the instance. */
    holder: text('holder').notNull(),
    /** Increases with each holder. */
    fence: bigint('fence', { mode: 'number' }).notNull(),
    /** By the database's clock. */
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [primaryKey({ name: 'leases_pkey', columns: [t.name] })],
).enableRLS();

/** The counts of a sweep. */
export type SweepCounts = {
  /** Objects listed. */
  listed: number;
  /** Objects whose key is not an upload's: left alone. */
  foreign: number;
  /** Uploads that were not confirmed within a day: removed. */
  abandoned: number;
  /** Copies that belong to no file, and objects uploaded again after their file was confirmed or deleted: removed. */
  stray: number;
  /** Objects of deleted files (after `DELETE_AFTER_SECONDS`) and of refused uploads: removed. */
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

/** The sweeper's only row: the progress of a sweep, or the result of the last one. */
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
 * The words that this database has written, or was about to write, into the bucket's marker. If the marker has one of
 * them, the bucket belongs to this database. Any other word was written by another database, or by this one after the
 * state that it was restored to: `src/jobs/examine-marker.ts`.
 */
export const markerWords = pgTable(
  'marker_words',
  {
    word: text('word').notNull(),
    issuedAt: time('issued_at').notNull().defaultNow(),
    /** Whether it was written to the bucket. */
    isWritten: boolean('is_written').notNull().default(false),
  },
  (t) => [primaryKey({ name: 'marker_words_pkey', columns: [t.word] })],
).enableRLS();

/**
 * Requests in a minute, by user and by address, of all instances: `create-rate-queries.ts`. Unlogged: a crash may lose
 * it.
 */
export const rateCounts = pgTable(
  'rate_counts',
  {
    name: text('name').notNull(),
    /** Since 1970, by the database's clock. */
    minute: bigint('minute', { mode: 'number' }).notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ name: 'rate_counts_pkey', columns: [t.name] })],
).enableRLS();

import { and, eq, lt, or, sql } from 'drizzle-orm';
import * as z from 'zod';
import { Problem } from '../contract/errors.ts';
import { type Database, isNeonHost } from './connect-database.ts';
import type { FileId } from './create-file-queries.ts';
import { markerWords } from './jobs-schema.ts';
import { queryDatabase, rowsOf } from './query-database.ts';
import { files } from './schema.ts';

/**
 * Distinguishes a database from every other one and from its copies. null if the server does not tell the value.
 *
 * | | changes with |
 * |---|---|
 * | `cluster` | a restore into another cluster, an upgrade by pg_upgrade |
 * | `branch` | a Neon branch, or its restore |
 * | `database` | a restore into another database, CREATE DATABASE … TEMPLATE |
 * | `table` | a restore into the same database |
 * | `timeline` | a point-in-time restore of the server, a promoted stand-by |
 *
 * A snapshot of its disk has the same values; the marker's words reveal it.
 */
export type DatabaseIdentity = z.infer<typeof databaseIdentity>;

export const databaseIdentity = z.object({
  /** For people; databases may share it. */
  name: z.string(),
  cluster: z.string().nullable(),
  branch: z.string().nullable(),
  database: z.string(),
  table: z.string(),
  timeline: z.string().nullable(),
});

/** Far longer than a word takes to reach the bucket: overwritten words of this age are deleted. */
const WORD_LIFE = sql`interval '1 hour'`;

/**
 * The queries that check the bucket's marker, as the role that logs in. All throw `database-unavailable` as
 * `queryDatabase` does.
 */
export type MarkerQueries = ReturnType<typeof createMarkerQueries>;

/** @param hostname of the database: Neon's hosts name the branch. */
export function createMarkerQueries({ db }: Pick<Database, 'db'>, hostname: string) {
  const neonHost = isNeonHost(hostname) ? hostname.replace('-pooler.', '.') : null;

  /** null if the server refuses, or does not know the value. */
  async function ask(expression: string): Promise<string | null> {
    try {
      const query = sql.raw(`select (${expression})::text as value`);
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ value: z.string().nullable() }), query));
      return row?.value ?? null;
    } catch (error) {
      if (error instanceof Problem) throw error;
      return null;
    }
  }

  return {
    async identity(): Promise<DatabaseIdentity> {
      const common = sql`select current_database() as name,
        (select oid::text from pg_database where datname = current_database()) as database,
        'marker_words'::regclass::oid::text as table`;
      const row = z.object({ name: z.string(), database: z.string(), table: z.string() });
      const [[known], cluster, timeline, branch] = await Promise.all([
        queryDatabase(() => rowsOf(db, row, common)),
        ask('select system_identifier from pg_control_system()'),
        ask('left(pg_walfile_name(pg_current_wal_lsn()), 8)'),
        ask(`current_setting('neon.timeline_id', true)`),
      ]);
      if (known === undefined) throw new Error('a database has a name');
      return { ...known, cluster, timeline, branch: branch || neonHost };
    },

    /** The time by the database's clock. */
    async clock(): Promise<Date> {
      const query = sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`;
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ ms: z.number() }), query));
      return new Date(row?.ms ?? Number.NaN);
    },

    /** Whether this database has issued the word. */
    async isKnown(word: string): Promise<boolean> {
      return (await queryDatabase(() => db.$count(markerWords, eq(markerWords.word, word)))) > 0;
    },

    /** Whether this database has ever written a word to the bucket. */
    async hasWritten(): Promise<boolean> {
      return (await queryDatabase(() => db.$count(markerWords, eq(markerWords.isWritten, true)))) > 0;
    },

    /** Stores a word before it is written to the bucket, so that after a crash in between both still match. */
    async issue(word: string): Promise<void> {
      await queryDatabase(() => db.insert(markerWords).values({ word }));
    },

    /** Records that the bucket has the word, and deletes much older words, which it can no longer have. */
    async markWritten(word: string): Promise<void> {
      const isOld = lt(
        markerWords.issuedAt,
        sql`(select issued_at from ${markerWords} where word = ${word}) - ${WORD_LIFE}`,
      );
      await queryDatabase(() => db.update(markerWords).set({ isWritten: true }).where(eq(markerWords.word, word)));
      await queryDatabase(() => db.delete(markerWords).where(isOld));
    },

    /** How many of these files have no row in any state. */
    async missing(these: readonly FileId[]): Promise<number> {
      if (these.length === 0) return 0;
      const isOne = or(...these.map(({ id, ownerId }) => and(eq(files.ownerId, ownerId), eq(files.id, id))));
      return these.length - (await queryDatabase(() => db.$count(files, isOne)));
    },
  };
}

import * as z from 'zod';
import { type DatabaseIdentity, databaseIdentity, type MarkerQueries } from '../db/create-marker-queries.ts';
import type { BucketMarker, FoundMarker } from '../storage/bucket-marker.ts';
import { SweepRefused } from './sweep-refused.ts';

/** The marker's key after `KEY_PREFIX`. No user's segment starts with a dot, so no client gets a signature for it. */
export const MARKER_NAME = '.signpost-sweeper';

/** The key of an objection: a database has confirmed files although the marker is not its own. */
export const OBJECTION_NAME = '.signpost-sweeper.objection';

/** Whether a key is one of these two. */
export function isOfSweeper(keyPrefix: string, key: string): boolean {
  return key === keyPrefix + MARKER_NAME || key === keyPrefix + OBJECTION_NAME;
}

export type MarkerServices = {
  marker: BucketMarker;
  objection: BucketMarker;
  markerQueries: MarkerQueries;
};

/** The marker's content: a word from `marker_words`, and the identity of its database. */
const markerText = z.object({ version: z.literal(1), word: z.string(), database: databaseIdentity });
/** Before version 1, the marker was only a word. */
const wordAlone = z.uuid().transform((word) => ({ word, database: null }));
const objectionText = z.object({ version: z.literal(1), database: databaseIdentity, reason: z.string() });

type Examined = {
  database: DatabaseIdentity;
  found: FoundMarker | null;
  /** The marker's database; null if there is no marker, or it is unreadable or older than version 1. */
  owner: DatabaseIdentity | null;
  /** Its content is invalid, for example truncated, and does not prove another database. */
  isUnreadable: boolean;
  /** Why the marker is not this database's; null if it is, or there is none yet. */
  strange: string | null;
  /** The objection of another database, or of this one before it was repaired; null if there is none. */
  objection: string | null;
};

/** How often to read a marker that another instance may just have replaced. */
const LOOKS = 3;

/**
 * Compares the bucket's marker with this database. This prevents a sweep with the wrong database (a branch, a copy, or
 * one restored to an earlier time), which would delete every file that it does not know as an abandoned upload.
 *
 * Every claim and every renewal writes a new random word first to the database and then to the marker. So only the
 * database that wrote the word knows it, and earlier copies do not. It is renewed at most a minute after each
 * confirmation (`keep-watermark.ts`): a database that knows the word knows the files.
 */
export async function examineMarker({ marker, objection, markerQueries }: MarkerServices): Promise<Examined> {
  const database = await markerQueries.identity();
  for (let looks = 1; ; looks++) {
    const found = await marker.read();
    const text = found && readMarker(found.text);
    const strange = await judge(found, text);
    const isFinal = strange === null || looks === LOOKS || (await marker.read())?.etag === found?.etag;
    if (!isFinal) continue;
    const isUnreadable = found !== null && text === null;
    return { database, found, owner: text?.database ?? null, isUnreadable, strange, objection: await readObjection() };
  }

  async function judge(found: FoundMarker | null, text: ReturnType<typeof readMarker>): Promise<string | null> {
    if (found === null) {
      return (await markerQueries.hasWritten()) ? 'the marker that this database wrote into the bucket is gone' : null;
    }
    if (text === null) return 'the marker in the bucket cannot be read: it is truncated, or another program wrote it';
    const difference = text.database && differenceOf(text.database, database);
    if (difference !== null) return difference;
    if (await markerQueries.isKnown(text.word)) return null;
    return (
      `the marker in the bucket, of ${found.lastModified.toISOString()}, is newer than this database, which was ` +
      'restored to an earlier time or is a copy'
    );
  }

  async function readObjection(): Promise<string | null> {
    const found = await objection.read();
    if (found === null) return null;
    const { database: by, reason } = parse(objectionText, found.text) ?? {};
    const who = by === undefined ? 'a database' : `the database "${by.name}"`;
    return (
      `${who} has confirmed files in this bucket, last at ${found.lastModified.toISOString()}, and objects: ` +
      `${reason ?? 'its reason cannot be read'}`
    );
  }
}

/** @throws {SweepRefused} unless the marker is this database's and there is no objection. */
export function requireOurs({ strange, objection }: Pick<Examined, 'strange' | 'objection'>): void {
  const reason = strange ?? objection;
  if (reason === null) return;
  throw new SweepRefused(
    `nothing is swept: ${reason}. A sweep would remove files that this database does not know. Give each database ` +
      'its own bucket or KEY_PREFIX. If this database is the right one: npm run rebuild -- --dry-run, ' +
      'npm run rebuild, npm run sweep -- --adopt (docs/operating.md, "Restoring")',
  );
}

export function writeMarker(word: string, database: DatabaseIdentity): string {
  return JSON.stringify({ version: 1, word, database } satisfies z.infer<typeof markerText>);
}

export function writeObjection(database: DatabaseIdentity, reason: string): string {
  return JSON.stringify({ version: 1, database, reason } satisfies z.infer<typeof objectionText>);
}

function readMarker(text: string): { word: string; database: DatabaseIdentity | null } | null {
  return wordAlone.safeParse(text).data ?? parse(markerText, text);
}

function parse<T>(shape: z.ZodType<T>, text: string): T | null {
  try {
    return shape.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The first known difference between both, in the order of importance. */
function differenceOf(theirs: DatabaseIdentity, ours: DatabaseIdentity): string | null {
  const differs = (field: keyof DatabaseIdentity) =>
    theirs[field] !== null && ours[field] !== null && theirs[field] !== ours[field];
  if (differs('cluster')) return `the marker in the bucket belongs to the database "${theirs.name}" in another cluster`;
  if (differs('branch')) return `the marker in the bucket belongs to another branch of the database, ${theirs.branch}`;
  if (differs('database'))
    return `the marker in the bucket belongs to another database of this cluster, "${theirs.name}"`;
  if (differs('table')) return 'this database was restored from a dump after it wrote the marker in the bucket';
  if (differs('timeline')) {
    return (
      'the database was restored to an earlier time, or a stand-by took over, after it wrote the marker in the ' +
      'bucket'
    );
  }
  return null;
}

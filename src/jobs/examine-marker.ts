import { z } from 'zod';
import { type DatabaseIdentity, databaseIdentity, type MarkerQueries } from '../db/create-marker-queries.ts';
import type { BucketMarker, FoundMarker } from '../storage/bucket-marker.ts';
import { SweepRefused } from './sweep-refused.ts';

/** Where the marker lies, behind `KEY_PREFIX`: no user's segment begins with a dot, so nobody can be signed for it. */
export const MARKER_NAME = '.signpost-sweeper';

/** Where a database says that it has confirmed files although the marker is not its own. */
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

/** What is in the marker: a word that its database has in `marker_words`, and which database that is. */
const markerText = z.object({ version: z.literal(1), word: z.string(), database: databaseIdentity });
/** Until version 1 the marker was a word alone. */
const wordAlone = z.uuid().transform((word) => ({ word, database: null }));
const objectionText = z.object({ version: z.literal(1), database: databaseIdentity, reason: z.string() });

export type Examined = {
  database: DatabaseIdentity;
  found: FoundMarker | null;
  /** Whose marker it is; null where there is none, or it cannot be read, or is of an older version. */
  owner: DatabaseIdentity | null;
  /** It may have been cut short on its way, and says nothing of any database. */
  isUnreadable: boolean;
  /** Why the marker is not this database's; null where it is, or there is none yet. */
  strange: string | null;
  /** What another database has objected, or this one before it was set right; null where none has. */
  objection: string | null;
};

/** Reads once more what another instance may just have replaced. */
const LOOKS = 3;

/**
 * Compares the bucket's marker with this database. Stops a sweep with the wrong database (a branch, a copy, or one
 * restored to an earlier time), which would delete every file it does not know as an abandoned upload.
 *
 * Every claim and every renewal puts a new random word into the marker, and into the database before that. So the
 * word in the bucket is known to the database that wrote it, and to no copy that was made before. It is renewed at most
 * a minute after each confirmation (`keep-watermark.ts`): who knows the word knows the files.
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
    if (text === null) return 'the marker in the bucket cannot be read: it was cut short, or something else wrote it';
    const difference = text.database && differenceOf(text.database, database);
    if (difference !== null) return difference;
    if (await markerQueries.isKnown(text.word)) return null;
    return (
      `the marker in the bucket, of ${found.lastModified.toISOString()}, is newer than this database: it was set ` +
      'back to an earlier time, or is a copy of another'
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

/**
 * @throws {SweepRefused} unless the marker is this database's and no other has objected.
 */
export function requireOurs({ strange, objection }: Pick<Examined, 'strange' | 'objection'>): void {
  const reason = strange ?? objection;
  if (reason === null) return;
  throw new SweepRefused(
    `nothing is swept: ${reason}. What this database does not know it would remove. Give each database a bucket or ` +
      'KEY_PREFIX of its own; or, where this is the one that counts: npm run rebuild -- --dry-run, npm run rebuild, ' +
      'npm run sweep -- --adopt (docs/operating.md, "Restoring")',
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
  if (differs('cluster')) return `the marker in the bucket is of the database "${theirs.name}" in another cluster`;
  if (differs('branch')) return `the marker in the bucket is of another branch of the database, ${theirs.branch}`;
  if (differs('database')) return `the marker in the bucket is of another database of this cluster, "${theirs.name}"`;
  if (differs('table')) return 'this database was restored from a dump since it wrote the marker in the bucket';
  if (differs('timeline')) {
    return (
      'the database was restored to an earlier time, or a stand-by took over, since it wrote the marker in the ' +
      'bucket'
    );
  }
  return null;
}

import type { Config } from '../config.ts';
import type { Files } from '../db/create-files.ts';
import type { SweepQueries, SweepState } from '../db/create-sweep-queries.ts';
import type { FileRow, SweepCounts } from '../db/schema.ts';
import { removeObject } from '../files/remove-object.ts';
import { parseObjectKey } from '../object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { type ClaimServices, claimBucket } from './claim-bucket.ts';
import { sweepPage, UNFINISHED_MS } from './sweep-page.ts';

const DAY_MS = 86_400_000;

/** No URL lives longer than a week: what is PUT under a deleted id after that is a new upload, signed after it. */
const FORGET_AFTER_MS = 8 * DAY_MS;

/** How many deleted files are read at once. */
const BATCH = 500;

export type SweepServices = ClaimServices & {
  config: Config;
  bucket: Bucket;
  lister: BucketLister;
  multipart: Pick<MultipartUploads, 'abort'>;
  files: Files;
  sweepQueries: SweepQueries;
  logger: { warn: (fields: Record<string, unknown>, message: string) => void };
  now: () => Date;
};

export type SweepOptions = {
  /** Counts what a sweep would do, and does nothing. Always from the beginning. */
  dryRun?: boolean;
  /** Sweeps also a bucket that another database has swept: `claim-bucket.ts`. */
  adopt?: boolean;
  /** Stops between two pages; the next sweep goes on there. */
  signal?: AbortSignal;
  onProgress?: (counts: Readonly<SweepCounts>) => void;
};

/**
 * Brings bucket and database together again after crashes, outages, and clients that never came back: finishes what was
 * deleted, then walks once over everything in the bucket under `KEY_PREFIX`, in pages, and holds each object against
 * the rows (`sweep-page.ts` says what becomes of which). It reconciles by listing, so it needs no memory of what was
 * signed.
 *
 * A sweep that is cut short, by a signal or by a bucket that does not answer, goes on where it was the next time.
 * Two at once do no harm: every step looks again, under a condition, before it removes anything.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`; an `Error` for a bucket that is another database's.
 */
export async function sweep(services: SweepServices, options: SweepOptions = {}): Promise<SweepState> {
  const { sweepQueries, now } = services;
  const { dryRun = false, adopt = false, signal, onProgress } = options;
  const known = dryRun ? null : await sweepQueries.readState();
  const state: SweepState =
    known === null || known.finishedAt !== null
      ? { afterKey: null, counts: noCounts(), startedAt: now(), finishedAt: null }
      : known;
  const save = async (change: Partial<SweepState>) => {
    Object.assign(state, change);
    onProgress?.(state.counts);
    if (!dryRun) await sweepQueries.saveState(state);
  };

  await claimBucket(services, state, { adopt, dryRun });
  await finishDeletions(services, state.counts, dryRun);
  if (state.afterKey === null) await abortUploads(services, state.counts, dryRun);
  const prefix = services.config.keyPrefix;
  while (!signal?.aborted) {
    const { objects, isLast } = await services.lister.objects(prefix, state.afterKey);
    const last = isLast ? undefined : objects.at(-1)?.key;
    // After the last page, to the end of the prefix: every key of ours is printable ASCII.
    const range = { after: state.afterKey ?? prefix, upTo: last ?? `${prefix}\x7f` };
    await sweepPage(services, objects, range, state.counts, dryRun);
    await save(last === undefined ? { afterKey: null, finishedAt: now() } : { afterKey: last });
    if (last === undefined) break;
  }
  return state;
}

/** Removes the objects of deleted files whose time has come, and forgets rows that nothing can concern any more. */
async function finishDeletions(services: SweepServices, counts: SweepCounts, dryRun: boolean): Promise<void> {
  const { config, sweepQueries, now } = services;
  const dueMs = now().getTime() - config.deleteAfterSeconds * 1000;
  let last: FileRow | null = null;
  do {
    const rows: FileRow[] = await sweepQueries.toRemove(new Date(dueMs), BATCH, last);
    for (const row of rows) {
      if (!dryRun) await removeObject(services, row);
      counts.deleted++;
    }
    last = rows.at(-1) ?? null;
  } while (last !== null);
  if (!dryRun) counts.forgotten += await sweepQueries.forget(new Date(now().getTime() - FORGET_AFTER_MS));
}

/** Whoever completes one of these at the same moment wins or loses in the bucket: an object is there, or no parts. */
async function abortUploads(services: SweepServices, counts: SweepCounts, dryRun: boolean): Promise<void> {
  const { config, lister, multipart, now } = services;
  for await (const { key, uploadId, initiated } of lister.uploads(config.keyPrefix)) {
    const isOld = now().getTime() - initiated.getTime() >= UNFINISHED_MS;
    if (!isOld || parseObjectKey(config.keyPrefix, key) === null) continue;
    if (!dryRun) await multipart.abort(key, uploadId);
    counts.aborted++;
  }
}

function noCounts(): SweepCounts {
  return { listed: 0, foreign: 0, abandoned: 0, stray: 0, deleted: 0, aborted: 0, forgotten: 0, missing: 0 };
}

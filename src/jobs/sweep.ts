import { statesWith } from '../contract/file-states.ts';
import { parseObjectKey } from '../contract/object-key.ts';
import type { SweepState } from '../db/create-sweep-queries.ts';
import type { FileRow, SweepCounts } from '../db/schema.ts';
import { requireAgreement } from './agreed-clocks.ts';
import { checkClaim, claimBucket } from './claim-bucket.ts';
import { eachObject } from './each-object.ts';
import { actOfSweeper, type RunningSweep, type SweepServices } from './running-sweep.ts';
import { sweepPage, UNFINISHED_MS } from './sweep-page.ts';

const DAY_MS = 86_400_000;

/** No URL lives longer than a week: what is PUT under a deleted id after that is a new upload, signed after it. */
const FORGET_AFTER_MS = 8 * DAY_MS;

/** How many deleted files, or unfinished uploads, are in memory at once. */
const BATCH = 500;

/** How many rows are forgotten by one statement. */
const FORGET_BATCH = 5_000;

export type SweepOptions = {
  /** Counts what a sweep would do, and does nothing. Always from the beginning. */
  dryRun?: boolean;
  /** Sweeps also a bucket whose marker is not this database's: `claim-bucket.ts`. */
  adopt?: boolean;
  /** Ends the sweep, between two pages or in one; the next sweep goes on there. */
  signal?: AbortSignal;
  /** Of the lease under which it runs: throws when it is lost. Default: nobody else sweeps. */
  checkLease?: () => Promise<void>;
  onProgress?: (counts: Readonly<SweepCounts>) => void;
};

/**
 * Brings bucket and database together again after crashes, outages, and clients that never came back: finishes what was
 * deleted, then walks once over everything in the bucket under `KEY_PREFIX`, in pages, and holds each object against
 * the rows (`sweep-page.ts` says what becomes of which). It reconciles by listing, so it needs no memory of what was
 * signed.
 *
 * A sweep that is cut short, by a signal or by a bucket that does not answer, goes on where it was the next time. What
 * the bucket refuses to remove is counted, and tried again by the next one. Two at once do no harm: every step looks
 * again, under a condition, before it removes anything.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`.
 * @throws {SweepRefused} for a bucket that is another database's, and clocks that differ.
 */
export async function sweep(services: SweepServices, options: SweepOptions = {}): Promise<SweepState> {
  const { sweepQueries } = services;
  const { dryRun = false, adopt = false, signal = new AbortController().signal, checkLease, onProgress } = options;
  const clocks = requireAgreement(await services.readClocks());
  const known = dryRun ? null : await sweepQueries.readState();
  const state: SweepState =
    known === null || known.finishedAt !== null
      ? { afterKey: null, counts: noCounts(), startedAt: clocks.database, finishedAt: null }
      : { ...known, counts: { ...noCounts(), ...known.counts } };
  const failures = { count: state.counts.failed, silentInARow: 0 };
  const save = async (change: Partial<SweepState>) => {
    state.counts.failed = failures.count;
    Object.assign(state, change);
    onProgress?.(state.counts);
    if (!dryRun) await sweepQueries.saveState(state);
  };
  const check = async () => {
    signal.throwIfAborted();
    await checkLease?.();
    await checkClaim(services);
  };
  const running: RunningSweep = { services, counts: state.counts, dryRun, clocks, failures, signal, check };

  await claimBucket(services, { adopt, dryRun });
  try {
    await finishDeletions(running);
    if (state.afterKey === null) await abortUploads(running);
    const prefix = services.config.store.keyPrefix;
    while (!signal.aborted) {
      const { objects, isLast } = await services.lister.objects(prefix, state.afterKey);
      const last = isLast ? undefined : objects.at(-1)?.key;
      // After the last page, to the end of the prefix: every key of ours is printable ASCII.
      const range = { after: state.afterKey ?? prefix, upTo: last ?? `${prefix}\x7f` };
      await sweepPage(running, objects, range);
      await save(last === undefined ? { afterKey: null, finishedAt: clocks.database } : { afterKey: last });
      if (last === undefined) break;
    }
  } catch (error) {
    // In the middle of a page: it is swept again from its beginning.
    if (!signal.aborted) throw error;
  }
  state.counts.failed = failures.count;
  return state;
}

/** Removes the objects of deleted files whose time has come, and forgets rows that nothing can concern any more. */
async function finishDeletions(running: RunningSweep): Promise<void> {
  const { services, counts, dryRun, clocks, signal, check } = running;
  const { config, sweepQueries, bucket } = services;
  const due = new Date(clocks.database.getTime() - config.jobs.deleteAfterSeconds * 1000);
  const note = async (done: readonly { row: FileRow }[]) => {
    counts.deleted += done.length;
    const rows = done.map(({ row }) => row);
    for (const status of statesWith('isFinal', true)) {
      await sweepQueries.markRemoved(
        rows.filter((row) => row.status === status),
        actOfSweeper(`sweep.${status}`),
      );
    }
  };
  let last: FileRow | null = null;
  do {
    const rows: FileRow[] = await sweepQueries.toRemove(due, BATCH, last);
    last = rows.at(-1) ?? null;
    if (dryRun) counts.deleted += rows.length;
    if (dryRun || rows.length === 0) continue;
    await check();
    const these = rows.map((row) => ({ row, key: row.storedKey ?? row.objectKey }));
    await eachObject(these, { ...running, ...services, note }, async ({ row: { etag, versionId }, key }) => {
      await bucket.remove({ key, etag, versionId });
      return true;
    });
  } while (last !== null);
  if (dryRun) return;
  const over = new Date(clocks.database.getTime() - FORGET_AFTER_MS);
  for (let forgotten = FORGET_BATCH; forgotten === FORGET_BATCH && !signal.aborted; ) {
    forgotten = await sweepQueries.forget(over, FORGET_BATCH);
    counts.forgotten += forgotten;
  }
}

/** Whoever completes one of these at the same moment wins or loses in the bucket: an object is there, or no parts. */
async function abortUploads(running: RunningSweep): Promise<void> {
  const { services, counts, dryRun, clocks, check } = running;
  const { config, lister, multipart, sweepQueries } = services;
  type Unfinished = { key: string; uploadId: string; id: string; ownerId: string };
  const note = async (done: readonly Unfinished[]) => {
    counts.aborted += done.length;
    await sweepQueries.logRemovals(done, actOfSweeper('sweep.aborted'));
  };
  let batch: Unfinished[] = [];
  const abortBatch = async () => {
    const these = batch;
    batch = [];
    if (dryRun) counts.aborted += these.length;
    if (dryRun || these.length === 0) return;
    await check();
    await eachObject(these, { ...running, ...services, note }, async ({ key, uploadId }) => {
      await multipart.abort(key, uploadId);
      return true;
    });
  };
  for await (const { key, uploadId, initiated } of lister.uploads(config.store.keyPrefix)) {
    const parsed = parseObjectKey(config.store.keyPrefix, key);
    if (clocks.bucket.getTime() - initiated.getTime() < UNFINISHED_MS || parsed === null) continue;
    batch.push({ key, uploadId, id: parsed.fileId, ownerId: parsed.userId });
    if (batch.length === BATCH) await abortBatch();
  }
  await abortBatch();
}

function noCounts(): SweepCounts {
  return { listed: 0, foreign: 0, abandoned: 0, stray: 0, deleted: 0, aborted: 0, forgotten: 0, missing: 0, failed: 0 };
}

import { statesWith } from '../contract/file-states.ts';
import { parseFrozenKey, parseObjectKey } from '../contract/object-key.ts';
import type { SweepState } from '../db/create-sweep-queries.ts';
import type { SweepCounts } from '../db/jobs-schema.ts';
import type { FileRow } from '../db/schema.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import { requireAgreement } from './agreed-clocks.ts';
import { checkClaim, claimBucket } from './claim-bucket.ts';
import { eachObject } from './each-object.ts';
import { actOfSweeper, type RunningSweep, type SweepServices } from './running-sweep.ts';
import { sweepPage, UNFINISHED_MS } from './sweep-page.ts';

const DAY_MS = 86_400_000;

/** No URL is valid for more than a week, so after that no upload to a deleted file's key can start. */
const FORGET_AFTER_MS = 8 * DAY_MS;

/** How many deleted files, or unfinished uploads, are in memory at once. */
const BATCH = 500;

/** How many rows are forgotten by one statement. */
const FORGET_BATCH = 5_000;

type SweepOptions = {
  /** Only counts what a sweep would do, always from the beginning. */
  dryRun?: boolean;
  /** Also sweeps a bucket whose marker is not this database's: `claim-bucket.ts`. */
  adopt?: boolean;
  /** Ends the sweep, also within a page; the next sweep continues there. */
  signal?: AbortSignal;
  /** Throws if the lease is lost. Default: no lease, for a single sweeper. */
  checkLease?: () => Promise<void>;
  onProgress?: (counts: Readonly<SweepCounts>) => void;
};

/**
 * Reconciles bucket and database after crashes, outages and abandoned uploads: finishes deletions, then lists the
 * bucket under `KEY_PREFIX` in pages and compares each object with the rows (`sweep-page.ts` has the rules). It works
 * from the listing, so it needs no record of signed uploads.
 *
 * A sweep that ends early, by a signal or because the bucket does not answer, is continued by the next one. Objects
 * that the bucket refuses to remove are counted and tried again by the next one. Two sweeps at once do no harm: every
 * step checks the object again, with a condition, before it removes anything.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`.
 * @throws {SweepRefused} if the bucket belongs to another database, or the clocks differ.
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
      // The last page reaches to the end of the prefix: all our keys are printable ASCII.
      const range = { after: state.afterKey ?? prefix, upTo: last ?? `${prefix}\x7f` };
      await sweepPage(running, objects, range);
      await save(last === undefined ? { afterKey: null, finishedAt: clocks.database } : { afterKey: last });
      if (last === undefined) break;
    }
  } catch (error) {
    // Aborted within a page: the next sweep starts again at its beginning.
    if (!signal.aborted) throw error;
  }
  state.counts.failed = failures.count;
  return state;
}

/**
 * Removes the objects of rejected files, of deleted ones after `DELETE_AFTER_SECONDS`, and deletes rows that are no
 * longer needed.
 */
async function finishDeletions(running: RunningSweep): Promise<void> {
  const { services, counts, dryRun, clocks, signal, check } = running;
  const { config, sweepQueries, bucket } = services;
  const due = new Date(clocks.database.getTime() - config.jobs.deleteAfterSeconds * 1000);
  const note = async (done: readonly { row: FileRow }[]) => {
    counts.deleted += done.length;
    const rows = done.map(({ row }) => row);
    for (const status of [...statesWith('object', 'waits'), ...statesWith('object', 'goes')]) {
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
    const these = rows.map((row) => ({ row, key: objectOfFile(row).key }));
    await eachObject(these, { ...running, ...services, note }, async ({ row }) => {
      await bucket.remove(objectOfFile(row));
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

/**
 * If a client completes one of these at the same moment, the bucket decides: there is an object, or there are no parts.
 */
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
    const { keyPrefix } = config.store;
    const parsed = parseObjectKey(keyPrefix, key) ?? parseFrozenKey(keyPrefix, key);
    if (clocks.bucket.getTime() - initiated.getTime() < UNFINISHED_MS || parsed === null) continue;
    batch.push({ key, uploadId, id: parsed.fileId, ownerId: parsed.userId });
    if (batch.length === BATCH) await abortBatch();
  }
  await abortBatch();
}

/** All that a sweep counts, at 0. */
export function noCounts(): SweepCounts {
  return { listed: 0, foreign: 0, abandoned: 0, stray: 0, deleted: 0, aborted: 0, forgotten: 0, missing: 0, failed: 0 };
}

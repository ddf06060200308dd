import type { VerdictName } from '../contract/file-states.ts';
import type { Logger } from '../contract/logger.ts';
import { systemActor } from '../contract/object-key.ts';
import type { FileId } from '../db/create-file-queries.ts';
import type { HeldQueries } from '../db/create-held-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { type DecideServices, decide } from '../files/decide.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import { type ClamdAddress, ScanFailed, scanWithClamd } from '../net/clamd.ts';
import { inParallel } from '../net/in-parallel.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';

export type ScanServices = DecideServices & {
  heldQueries: Pick<HeldQueries, 'toScan'>;
  bucket: Pick<Bucket, 'read' | 'remove'>;
  metrics: Pick<Metrics, 'count'>;
  logger: Pick<Logger, 'warn' | 'error'>;
};

export type ScanCounts = Record<VerdictName | 'failed' | 'waiting', number>;

/** Files that could not be scanned, by `nameOf`, and when to scan them again, by the monotonic clock. */
export type ScanFailures = Map<string, { file: FileId; failures: number; notBeforeMs: number }>;

const SCANNER = systemActor('scanner');
const PARALLEL = 4;
/** Each page ranks all held files, so there should be few pages. Each page begins the turns of the owners again. */
const PAGE = 1000;

/** The first pause after a failure; each is twice as long as the one before, up to the longest. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Scans each held file once, in turns by owner, and decides on it. A file that could not be scanned stays held: it is
 * tried again after 30 seconds, then after twice as long, up to an hour. Files that their client encrypted are left to
 * another judge. The pass ends if the scanner cannot be reached.
 * @param known is updated as files fail, also if the pass ends early.
 * @param signal ends the pass.
 * @throws {Problem} `database-unavailable`.
 * @throws {ScanFailed} if the scanner cannot be reached.
 */
export async function scanHeldFiles(
  services: ScanServices,
  clamd: ClamdAddress,
  known: ScanFailures,
  signal: AbortSignal,
): Promise<ScanCounts> {
  const counts: ScanCounts = { clean: 0, rejected: 0, failed: 0, waiting: 0 };
  const startMs = performance.now();
  const tried = new Set<string>();
  const isLeft = (name: string, notBeforeMs: number) => notBeforeMs > startMs || tried.has(name);
  const scanOne = async (row: FileRow) => {
    const name = nameOf(row);
    const verdict = await judge(services, clamd, row, signal).catch((error: unknown) => {
      if (signal.aborted || (error instanceof ScanFailed && error.isAway)) throw error;
      services.logger.warn(
        { err: error, fileId: row.id },
        'a held file could not be scanned, and stays held; retrying',
      );
      return 'failed' as const;
    });
    counts[verdict]++;
    services.metrics.count('signpost_scans_total', { outcome: verdict });
    if (verdict !== 'failed') return known.delete(name);
    tried.add(name);
    const failures = (known.get(name)?.failures ?? 0) + 1;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    const { id, ownerId } = row;
    known.set(name, { file: { id, ownerId }, failures, notBeforeMs: performance.now() + pauseMs });
  };
  for (const { notBeforeMs } of known.values()) if (notBeforeMs > startMs) counts.waiting++;
  for (let isLast = false; !isLast; ) {
    const left = [...known].filter(([name, { notBeforeMs }]) => isLeft(name, notBeforeMs));
    const rows = await services.heldQueries.toScan(
      PAGE,
      left.map(([, { file }]) => file),
    );
    isLast = rows.length < PAGE;
    await inParallel(rows, PARALLEL, async (row) => {
      signal.throwIfAborted();
      await scanOne(row);
    });
  }
  // A file that was due and was not found is no longer held: forget its failures.
  for (const [name, { notBeforeMs }] of known) if (!isLeft(name, notBeforeMs)) known.delete(name);
  return counts;
}

function nameOf({ id, ownerId }: FileId): string {
  return `${id} ${ownerId}`;
}

/** Scans exactly the object version that the file's row names, and stores the verdict. */
async function judge(
  services: ScanServices,
  clamd: ClamdAddress,
  row: FileRow,
  signal: AbortSignal,
): Promise<VerdictName> {
  const stream = await services.bucket.read(objectOfFile(row));
  const found = await scanWithClamd(clamd, { stream, sizeBytes: row.sizeBytes }, signal);
  const verdict = found === null ? 'clean' : 'rejected';
  const said = { verdict, reason: found, by: 'clamd' } as const;
  const act = { actorId: SCANNER, requestId: 'scan', address: null, action: `file.${verdict}` } as const;
  // Another judge may have decided meanwhile: then nothing changes.
  await decide(services, row, said, act);
  return verdict;
}

import { Problem } from '../contract/errors.ts';
import type { FileId } from '../db/create-file-queries.ts';
import { inTime } from '../net/in-time.ts';
import { type ClaimServices, renewMarker } from './claim-bucket.ts';
import { examineMarker, writeObjection } from './examine-marker.ts';
import { noteRefusal, noteSuccess, type SweeperHealth, SweepRefused } from './sweep-refused.ts';

/** How long after a confirmation the bucket's marker is renewed at the latest, and how often at most. */
const RENEWED_WITHIN_MS = 60_000;

/** How long the end of a service waits for the last renewal. */
const SETTLED_WITHIN_MS = 5_000;

/** The files that are looked for at the next renewal: of those that were confirmed since the last one, the newest. */
const MAX_NOTED = 100;

const TURNS = 10;

export type WatermarkServices = ClaimServices & {
  sweeperHealth: SweeperHealth;
  logger: Record<'warn' | 'error', (fields: Record<string, unknown>, message: string) => void>;
};

export type Watermark = {
  /** A file was confirmed. Returns at once, and never throws. */
  note(file: FileId): void;
  /** Renews the marker now, if a file was confirmed since the last time; throws as `Bucket` and `Database` do. */
  settle(): Promise<void>;
  /** Settles, within a few seconds. */
  close(): Promise<void>;
};

/**
 * Keeps the bucket's marker as new as the newest confirmed file, so that a copy or an older state of the database can
 * be told from this one: a word of it is in the marker at most a minute after each confirmation, and at once after a
 * quiet minute. It happens behind the confirmations; a renewal that fails is tried again every minute.
 *
 * Each renewal looks for the files it stands for. Where one is missing, or where the marker is another database's, the
 * database was set back or exchanged under the running service: then it writes an objection beside the marker, and
 * nobody sweeps until somebody has decided (`npm run sweep -- --adopt`).
 */
export function keepWatermark(services: WatermarkServices, withinMs = RENEWED_WITHIN_MS): Watermark {
  const { logger, sweeperHealth, now } = services;
  let noted: FileId[] = [];
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const schedule = () => {
    if (timer !== undefined || running !== undefined || noted.length === 0) return;
    timer = setTimeout(
      () => {
        settle().catch((error: unknown) => {
          const err = error instanceof Problem ? error.cause : error;
          logger.warn({ err }, 'the marker in the bucket could not be renewed; it is tried again');
        });
      },
      Math.max(0, renewedAtMs + withinMs - performance.now()),
    );
    timer.unref();
  };

  async function renewNoted(): Promise<void> {
    const these = noted;
    noted = [];
    renewedAtMs = performance.now();
    try {
      const reason = await renew(services, these);
      if (reason !== null && noteRefusal(sweeperHealth, reason, now())) logger.error({}, reason.message);
    } catch (error) {
      noted = [...these, ...noted].slice(-MAX_NOTED);
      throw error;
    }
  }

  async function settle(): Promise<void> {
    await running?.catch(() => {});
    if (noted.length === 0) return;
    clearTimeout(timer);
    timer = undefined;
    running = renewNoted().finally(() => {
      running = undefined;
      schedule();
    });
    await running;
  }

  return {
    note({ id, ownerId }) {
      noted.push({ id, ownerId });
      if (noted.length > MAX_NOTED) noted.shift();
      schedule();
    },
    settle,
    async close() {
      await inTime(settle(), SETTLED_WITHIN_MS).catch((err: unknown) => {
        logger.warn({ err }, 'the marker in the bucket could not be renewed at the end');
      });
      clearTimeout(timer);
    },
  };
}

/** @returns why the marker is not renewed, and an objection was written; null when it is renewed. */
async function renew(services: WatermarkServices, files: readonly FileId[]): Promise<SweepRefused | null> {
  for (let turn = 0; turn < TURNS; turn++) {
    const examined = await examineMarker(services);
    if (examined.isUnreadable) throw new Error(examined.strange ?? '');
    const isSetBack = (await services.markerQueries.missing(files)) > 0;
    const reason = isSetBack ? 'files that it had confirmed are missing from the database' : examined.strange;
    if (reason !== null) {
      await services.objection.write(writeObjection(examined.database, reason));
      return new SweepRefused(`nobody sweeps this bucket until that is settled (docs/operating.md): ${reason}`);
    }
    if (!(await renewMarker(services, examined))) continue;
    if (examined.objection === null) noteSuccess(services.sweeperHealth);
    return null;
  }
  throw new Error('the marker in the bucket keeps changing');
}

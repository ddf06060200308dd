import { causeOf } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import type { FileId } from '../db/create-file-queries.ts';
import { inTime } from '../net/in-time.ts';
import { untraced } from '../telemetry/trace-request.ts';
import { type ClaimServices, renewMarker } from './claim-bucket.ts';
import { examineMarker, writeObjection } from './examine-marker.ts';
import { noteRefusal, noteSuccess, type SweeperHealth, SweepRefused } from './sweep-refused.ts';

/** The bucket's marker is renewed at most this long after a confirmation, and at most this often. */
const RENEWED_WITHIN_MS = 60_000;

/** How long a stopping service waits for the last renewal. */
const SETTLED_WITHIN_MS = 5_000;

/** How many of the files confirmed since the last renewal the next one looks for: the newest. */
const MAX_NOTED = 100;

const TURNS = 10;

type WatermarkServices = ClaimServices & {
  sweeperHealth: SweeperHealth;
  logger: Pick<Logger, 'warn' | 'error'>;
};

export type Watermark = {
  /** Notes a confirmed file. Returns at once, and never throws. */
  note(file: FileId): void;
  /** Renews the marker now, if a file was confirmed since the last time; throws as `Bucket` and `Database` do. */
  settle(): Promise<void>;
  /** Settles, if the last time is a minute ago: for where no timer runs between requests. Never throws. */
  settleIfDue(): Promise<void>;
  /** Settles, but waits only a few seconds. */
  close(): Promise<void>;
};

/**
 * Keeps the bucket's marker as new as the newest confirmed file, so that copies and older states of the database can be
 * recognized. The marker gets a new word at most a minute after each confirmation, and at once after a minute without
 * any. Confirmations do not wait for it; a failed renewal is tried again every minute.
 *
 * Each renewal looks for the files confirmed since the last one. If one is missing, or the marker is another
 * database's, the database was restored or replaced while the service ran. Then an objection is written beside the
 * marker, and all sweeps are refused until an operator decides (`npm run sweep -- --adopt`).
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
      // It begins in the request of a confirmation.
      () => void untraced(settleOrWarn),
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

  const settleOrWarn = () =>
    settle().catch((error: unknown) => {
      logger.warn({ err: causeOf(error) }, 'the marker in the bucket could not be renewed; retrying');
    });

  return {
    note({ id, ownerId }) {
      noted.push({ id, ownerId });
      if (noted.length > MAX_NOTED) noted.shift();
      schedule();
    },
    settle,
    async settleIfDue() {
      if (performance.now() >= renewedAtMs + withinMs) await settleOrWarn();
      else await running?.catch(() => {});
    },
    async close() {
      await inTime(settle(), SETTLED_WITHIN_MS).catch((err: unknown) => {
        logger.warn({ err }, 'the marker in the bucket could not be renewed before the service stopped');
      });
      clearTimeout(timer);
    },
  };
}

/** @returns why an objection was written instead of the marker; null if the marker was renewed. */
async function renew(services: WatermarkServices, files: readonly FileId[]): Promise<SweepRefused | null> {
  for (let turn = 0; turn < TURNS; turn++) {
    const examined = await examineMarker(services);
    if (examined.isUnreadable) throw new Error(examined.strange ?? '');
    const isSetBack = (await services.markerQueries.missing(files)) > 0;
    const reason = isSetBack ? 'confirmed files are missing from the database' : examined.strange;
    if (reason !== null) {
      await services.objection.write(writeObjection(examined.database, reason));
      return new SweepRefused(`this bucket is not swept until an operator decides (docs/operating.md): ${reason}`);
    }
    if (!(await renewMarker(services, examined))) continue;
    if (examined.objection === null) noteSuccess(services.sweeperHealth);
    return null;
  }
  throw new Error('the marker in the bucket keeps changing');
}

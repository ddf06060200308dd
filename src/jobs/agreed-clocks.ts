import type { MarkerQueries } from '../db/create-marker-queries.ts';
import { SweepRefused } from './sweep-refused.ts';

/** The time by each clock that dates objects or rows. */
export type Clocks = { bucket: Date; database: Date; host: Date };

/** How far synchronized clocks may differ, including slow answers. S3 itself refuses more than 15 minutes. */
const MAX_DIFFERENCE_MS = 5 * 60_000;

export type ClockServices = {
  bucketClock: () => Promise<Date>;
  markerQueries: Pick<MarkerQueries, 'clock'>;
  now: () => Date;
};

export async function readClocks({ bucketClock, markerQueries, now }: ClockServices): Promise<Clocks> {
  const [bucket, database] = await Promise.all([bucketClock(), markerQueries.clock()]);
  return { bucket, database, host: now() };
}

/**
 * Returns the clocks if they agree. The sweeper takes the age of objects from the bucket's clock and of deletions from
 * the database's: with a wrong clock, it would remove new uploads as abandoned.
 * @throws {SweepRefused} if they differ by more than five minutes.
 */
export function requireAgreement(clocks: Clocks): Clocks {
  const times = Object.values(clocks).map((clock) => clock.getTime());
  if (Math.max(...times) - Math.min(...times) <= MAX_DIFFERENCE_MS) return clocks;
  const told = Object.entries(clocks).map(([whose, clock]) => `${clock.toISOString()} by the ${whose}'s`);
  throw new SweepRefused(`nothing is swept: the clocks differ, it is ${told.join(', ')}; set them right (NTP)`);
}

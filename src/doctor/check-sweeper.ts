import type { Config } from '../config/config.ts';
import { connectDatabase } from '../db/connect-database.ts';
import { createMarkerQueries } from '../db/create-marker-queries.ts';
import { type ClockServices, readClocks, requireAgreement } from '../jobs/agreed-clocks.ts';
import { examineMarker, type MarkerServices } from '../jobs/examine-marker.ts';
import { reasonOf } from '../net/reason-of.ts';
import { type Check, fail, ok } from './check.ts';

const RESTORING = 'docs/operating.md, "Restoring": npm run rebuild -- --dry-run, then npm run sweep -- --adopt';

/** Checks that the sweeper would run: the marker is this database's, and the clocks agree. Changes nothing. */
export async function* checkSweeper(
  storage: Pick<MarkerServices, 'marker' | 'objection'> & Pick<ClockServices, 'bucketClock'>,
  { url, config, now }: { url: string; config: Pick<Config, 'database'>; now: () => Date },
): AsyncIterable<Check> {
  const { driver, prepare } = config.database;
  const database = await connectDatabase({ url, driver, prepare, maxConnections: 1 });
  try {
    const markerQueries = createMarkerQueries(database, new URL(url).hostname);
    const name = 'sweeper: marker';
    const { found, owner, strange, objection } = await examineMarker({ ...storage, markerQueries });
    if (strange !== null) yield fail(name, strange, RESTORING);
    else if (found === null) yield ok(name, 'none yet: the first confirmed file writes it');
    else {
      const minutes = Math.round((now().getTime() - found.lastModified.getTime()) / 60_000);
      const whose = owner === null ? 'of this database' : `of this database, "${owner.name}"`;
      yield ok(name, `${whose}, renewed at ${found.lastModified.toISOString()} (${minutes} min ago)`);
    }
    if (objection !== null) yield fail('sweeper: objection', objection, RESTORING);
    try {
      const { bucket } = requireAgreement(await readClocks({ ...storage, markerQueries, now }));
      yield ok('sweeper: clocks', `bucket, database and this machine agree: ${bucket.toISOString()}`);
    } catch (error) {
      yield fail('sweeper: clocks', reasonOf(error), 'the clocks (NTP)');
    }
  } finally {
    await database.close();
  }
}

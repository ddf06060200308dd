import type { SweepQueries, SweepState } from '../db/create-sweep-queries.ts';
import type { BucketMarker } from '../storage/bucket-marker.ts';

/** Where the marker lies, behind `KEY_PREFIX`: no user's segment begins with a dot. */
export const MARKER_NAME = '.signpost-sweeper';

export type ClaimServices = {
  marker: BucketMarker;
  sweepQueries: Pick<SweepQueries, 'readMarkers' | 'saveState'>;
  newId: (now: Date) => string;
  now: () => Date;
};

/**
 * Makes sure that this database is the one whose files are in the bucket. To any other, a staging system's, a branch of
 * it, an older backup, they are uploads that nobody confirmed: it would remove them. So every sweep leaves a new word
 * in the bucket and the same in the database, and begins only where the two agree. The word that is about to be
 * written is remembered first, so that a crash in between is no disagreement.
 * @param adopt claims the bucket whatever its marker says.
 * @throws {Error} when another database has swept it since this one did.
 */
export async function claimBucket(
  { marker, sweepQueries, newId, now }: ClaimServices,
  state: SweepState,
  { adopt, dryRun }: { adopt: boolean; dryRun: boolean },
): Promise<void> {
  const known = await sweepQueries.readMarkers();
  const found = await marker.read();
  if (found !== null && found !== known.marker && found !== known.nextMarker && !adopt) {
    throw new Error(
      "another database has swept this bucket since this one did: to this one, its files would be nobody's. Give each " +
        'database a bucket or KEY_PREFIX of its own; or, where this is the one that counts, npm run sweep -- --adopt',
    );
  }
  if (dryRun) return;
  const next = newId(now());
  await sweepQueries.saveState({ ...state, nextMarker: next });
  await marker.write(next);
  await sweepQueries.saveState({ ...state, marker: next, nextMarker: null });
}

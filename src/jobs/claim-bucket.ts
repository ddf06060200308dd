import { examineMarker, type MarkerServices, requireOurs, writeMarker } from './examine-marker.ts';

export type ClaimServices = MarkerServices & {
  newId: (now: Date) => string;
  now: () => Date;
};

/** How often to retry: more often than the instances of one database write the marker at the same time. */
const TURNS = 10;

/**
 * Requires that the bucket's files belong to this database, and writes a new word into the marker.
 * @param adopt claims the bucket with any marker, and removes objections.
 * @throws {SweepRefused} as `requireOurs` does, unless `adopt`.
 */
export async function claimBucket(
  services: ClaimServices,
  { adopt, dryRun }: { adopt: boolean; dryRun: boolean },
): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const examined = await examineMarker(services);
    if (!adopt) requireOurs(examined);
    if (dryRun) return;
    if (!(await renewMarker(services, examined))) continue;
    if (adopt) await services.objection.remove();
    return;
  }
  throw new Error('the marker in the bucket keeps changing: other instances are writing it');
}

/** Checks again before objects are removed: another database may have written the marker, or objected. */
export async function checkClaim(services: MarkerServices): Promise<void> {
  requireOurs(await examineMarker(services));
}

/**
 * Puts a new word into the marker.
 * @returns false if another instance has replaced it since it was examined.
 */
export async function renewMarker(
  { marker, markerQueries, newId, now }: ClaimServices,
  { found, database }: Pick<Awaited<ReturnType<typeof examineMarker>>, 'found' | 'database'>,
): Promise<boolean> {
  const word = newId(now());
  await markerQueries.issue(word);
  if (!(await marker.replace(writeMarker(word, database), found))) return false;
  await markerQueries.markWritten(word);
  return true;
}

import { systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import { eachKeptFile, type KeptFileOptions, type KeptFileServices } from './each-kept-file.ts';

const ACT: Act = { actorId: systemActor('rebuild'), requestId: 'rebuild', address: null, action: 'file.rebind' };

/**
 * After the bucket was copied to another: writes the ETags, versions and keys of the objects here into the rows. A copy
 * has a new version, and another ETag if it was sent in other parts or encrypted differently. A file whose row has the
 * old ones can neither be read through the service nor removed. An object with another ETag must have the row's size,
 * and is verified as in a confirmation; each must have kept its metadata. Makes and removes no row and no object.
 * @returns the counts; `same`: rows that had all three already, `rebound`: rows changed, or in a dry run to be changed.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`, also if the login may not change these columns.
 */
export async function rebindFiles(services: KeptFileServices, options: KeptFileOptions = {}) {
  const counts = { same: 0, rebound: 0 };
  const { listed, ...others } = await eachKeptFile(services, options, async ({ row }, object) => {
    if ((['etag', 'versionId', 'sseKeyId'] as const).every((field) => object[field] === row[field])) {
      counts.same++;
      return;
    }
    if (!options.dryRun) await services.sweepQueries.rebind(row, object, ACT);
    counts.rebound++;
  });
  return { listed, ...counts, ...others };
}

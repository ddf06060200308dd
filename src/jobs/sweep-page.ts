import type { KeyRange } from '../db/create-sweep-queries.ts';
import type { FileRow, SweepCounts } from '../db/schema.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey } from '../object-key.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import { discardObject } from '../uploads/discard-object.ts';
import { MARKER_NAME } from './claim-bucket.ts';
import type { SweepServices } from './sweep.ts';

/** An upload that nobody has confirmed for so long is abandoned. Longer than any request runs, by far. */
const ABANDONED_MS = 86_400_000;

/** Clients that come back to an upload in parts find it for so long. */
export const UNFINISHED_MS = 7 * 86_400_000;

/** The ETag of an object that was put together of parts: their number stands at its end. */
const ETAG_OF_PARTS = /-\d+"?$/;

/** Objects that are removed at the same time. */
const PARALLEL = 8;

/**
 * Holds a page of the bucket's listing against the rows, which are read after it:
 *
 * | under the key of | with | becomes of it |
 * |---|---|---|
 * | an upload | no row, for less than a day (in parts: 8 days from its beginning) | left: somebody may confirm it yet |
 * | an upload | no row, for as long or more | its id is taken as `refused`, then it is removed |
 * | a file | the file, active or archived | left |
 * | a file | a file that was copied away when it was confirmed | removed: it was sent again |
 * | a deleted file | the object not yet removed | left until its time has come |
 * | a deleted or refused file | the object removed already | removed: a late upload |
 * | another name for the id of a refused upload | | removed: it can become no file |
 * | a copy | a file that has it, or a deleted one that is kept | left |
 * | a copy | none, for a day or more | removed |
 * | none of ours | | left, and counted |
 *
 * **No object is removed while it is being confirmed.** Confirming ends with one insert of the file's id. The sweeper
 * removes what has no row only after its own insert of the same id, as `refused`, has won (`discardObject`): of the two
 * exactly one does. If the sweeper's wins, the confirmation answers 409 and the upload is gone as a whole; if it loses,
 * it leaves the object. A copy belongs to one confirmation, which made it moments before its insert: no request lasts a
 * day.
 */
export async function sweepPage(
  services: SweepServices,
  objects: readonly ListedObject[],
  range: KeyRange,
  counts: SweepCounts,
  dryRun: boolean,
): Promise<void> {
  const { config, sweepQueries, now } = services;
  const uploads = objects.flatMap((object) => {
    const key = parseObjectKey(config.keyPrefix, object.key);
    return key === null ? [] : [{ object, key }];
  });
  const copies = objects.filter(({ key }) => parseFrozenKey(config.keyPrefix, key) !== null);
  const [rows, usedCopies] = await Promise.all([
    sweepQueries.withIds(uploads.map(({ key: { userId: ownerId, fileId: id } }) => ({ ownerId, id }))),
    sweepQueries.usedCopies(copies.map(({ key }) => key)),
  ]);
  const rowOf = new Map(rows.map((row) => [`${row.id} ${row.ownerId}`, row]));
  const isOld = ({ etag, lastModified }: ListedObject) => {
    // S3 dates what came in parts by the beginning of the upload (S3 User Guide, "Working with object metadata").
    const maxAgeMs = ABANDONED_MS + (ETAG_OF_PARTS.test(etag) ? UNFINISHED_MS : 0);
    return now().getTime() - lastModified.getTime() >= maxAgeMs;
  };
  const listed = objects.filter(({ key }) => key !== config.keyPrefix + MARKER_NAME).length;
  counts.listed += listed;
  counts.foreign += listed - uploads.length - copies.length;

  const leftOver: { object: ListedObject; key: ParsedKey | null; count: 'abandoned' | 'stray' }[] = [];
  for (const { object, key } of uploads) {
    const row = rowOf.get(`${key.fileId} ${key.userId}`);
    if (row === undefined && isOld(object)) leftOver.push({ object, key, count: 'abandoned' });
    if (row !== undefined && isOfNoUse(row, object)) leftOver.push({ object, key: null, count: 'stray' });
  }
  for (const object of copies) {
    if (!usedCopies.has(object.key) && isOld(object)) leftOver.push({ object, key: null, count: 'stray' });
  }
  for (let i = 0; i < leftOver.length; i += PARALLEL) {
    await Promise.all(
      leftOver.slice(i, i + PARALLEL).map(async ({ object, key, count }) => {
        if (dryRun || (await remove(services, object, key))) counts[count]++;
      }),
    );
  }

  counts.missing += await reportMissing(services, objects, range);
}

/** Whether nobody has any use for what lies under the key of this row. */
function isOfNoUse(row: FileRow, object: ListedObject): boolean {
  if (row.objectKey !== object.key) {
    // A refused id can become no file under any name. One that is a file's was taken for another key by somebody with
    // other means of writing: not for us to judge.
    return row.status === 'refused';
  }
  return row.status === 'active' || row.status === 'archived' ? row.storedKey !== null : row.objectRemovedAt !== null;
}

/**
 * Removes an object that is still the one that was listed.
 * @param key of an upload without a row; null where the row, or the lack of one for a copy, rules out a confirmation.
 * @returns false when it is no longer to be removed.
 */
async function remove(services: SweepServices, listed: ListedObject, key: ParsedKey | null): Promise<boolean> {
  const object = await services.bucket.head(listed.key);
  if (object === null || object.etag !== listed.etag) return false;
  if (key !== null) return (await discardObject(services, key, object, null))?.status === 'refused';
  await services.bucket.remove(object);
  return true;
}

/** How many files of a stretch of keys have lost their object. They are reported: only a person knows what it means. */
async function reportMissing(
  { sweepQueries, bucket, logger }: SweepServices,
  objects: readonly ListedObject[],
  range: KeyRange,
): Promise<number> {
  let missing = 0;
  const keys = objects.map(({ key }) => key);
  for (const row of await sweepQueries.withoutObject(range, keys)) {
    // Confirmed after the page was listed, or deleted meanwhile: then nothing is wrong with it.
    if ((await bucket.head(row.storedKey ?? row.objectKey, row.versionId)) !== null) continue;
    const [now] = await sweepQueries.withIds([row]);
    if (now?.status !== 'active' && now?.status !== 'archived') continue;
    missing++;
    logger.warn({ fileId: row.id, objectKey: row.objectKey, storedKey: row.storedKey }, 'the object of a file is gone');
  }
  return missing;
}

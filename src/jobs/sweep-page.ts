import { FILE_STATES } from '../contract/file-states.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey } from '../contract/object-key.ts';
import type { FileId } from '../db/create-file-queries.ts';
import type { KeyRange } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { isSignedUpload } from '../uploads/is-signed-upload.ts';
import { toUnverifiedFile } from '../uploads/to-new-file.ts';
import { eachObject } from './each-object.ts';
import { isOfSweeper } from './examine-marker.ts';
import { actOfSweeper, type RunningSweep } from './running-sweep.ts';

/** The age at which an unconfirmed upload counts as abandoned: far longer than any request runs. */
const ABANDONED_MS = 86_400_000;

/** How long a client can resume an upload in parts. */
export const UNFINISHED_MS = 7 * 86_400_000;

/** The ETag of an object uploaded in parts ends with their number. */
const ETAG_OF_PARTS = /-\d+"?$/;

/**
 * Compares a page of the bucket's listing with the rows, which are read after it:
 *
 * | key of | row | object |
 * |---|---|---|
 * | an upload | none, under a day old (in parts: 8 days after its start) | left: it may still be confirmed |
 * | an upload | none, older | its id is inserted as `refused`, then it is removed; left and counted if not signed |
 * | a file | active or archived | left |
 * | a file | copied to another key when it was confirmed | removed: it was sent again |
 * | a deleted file | object not yet removed | left for `DELETE_AFTER_SECONDS` |
 * | a deleted or refused file | object already removed | removed: a late upload |
 * | a refused upload's id with another name | | removed: it can never become a file |
 * | a copy | of a file, or of a deleted one still kept | left |
 * | a copy | none, a day old or more | removed |
 * | neither an upload nor a copy | | left and counted |
 *
 * **No object is removed while it is being confirmed.** Confirming ends with one insert of the file's id. The sweeper
 * removes an object without a row only after it has inserted the same id as `refused`: of the two inserts, exactly one
 * succeeds. If it is the sweeper's, the confirmation answers 409 and the upload is removed; otherwise the object stays.
 * A copy belongs to one confirmation, made moments before its insert, and no request lasts a day.
 */
export async function sweepPage(sweep: RunningSweep, objects: readonly ListedObject[], range: KeyRange): Promise<void> {
  const { services, counts, dryRun } = sweep;
  const { keyPrefix } = services.config.store;
  const uploads: Upload[] = [];
  const copies: Upload[] = [];
  for (const object of objects) {
    if (isOfSweeper(keyPrefix, object.key)) continue;
    counts.listed++;
    const key = parseObjectKey(keyPrefix, object.key);
    const original = key === null ? parseFrozenKey(keyPrefix, object.key) : null;
    if (key !== null) uploads.push(toUpload(object, key));
    else if (original !== null) copies.push(toUpload(object, original));
    else counts.foreign++;
  }
  const [rows, usedCopies] = await Promise.all([
    services.sweepQueries.withIds(uploads),
    services.sweepQueries.usedCopies(copies.map(({ key }) => key)),
  ]);
  const rowOf = new Map(rows.map((row) => [nameOf(row), row]));
  const abandoned = uploads.filter((upload) => !rowOf.has(nameOf(upload)) && isOld(sweep, upload.object));
  const stray = [
    ...uploads.filter((upload) => isOfNoUse(rowOf.get(nameOf(upload)), upload.object)),
    ...copies.filter(({ key, object }) => !usedCopies.has(key) && isOld(sweep, object)),
  ];
  if (dryRun) {
    counts.abandoned += abandoned.length;
    counts.stray += stray.length;
  } else if (abandoned.length + stray.length > 0) {
    await sweep.check();
    await removeAbandoned(sweep, abandoned);
    await removeStray(sweep, stray);
  }
  await reportMissing(sweep, objects, range);
}

/** An object of the listing, and the upload it belongs to. */
type Upload = FileId & { key: string; object: ListedObject; parsed: ParsedKey };

function toUpload(object: ListedObject, parsed: ParsedKey): Upload {
  return { key: object.key, id: parsed.fileId, ownerId: parsed.userId, object, parsed };
}

function nameOf({ id, ownerId }: FileId): string {
  return `${id} ${ownerId}`;
}

/** By the bucket's clock, which dated the object. */
function isOld({ clocks }: RunningSweep, { etag, lastModified }: ListedObject): boolean {
  // S3 dates an object uploaded in parts by the upload's start (S3 User Guide, "Working with object metadata").
  const maxAgeMs = ABANDONED_MS + (ETAG_OF_PARTS.test(etag) ? UNFINISHED_MS : 0);
  return clocks.bucket.getTime() - lastModified.getTime() >= maxAgeMs;
}

/** Whether the row of this id proves that the object is not needed. */
function isOfNoUse(row: FileRow | undefined, object: ListedObject): boolean {
  if (row === undefined) return false;
  const fate = FILE_STATES[row.status].object;
  // An object with a refused id goes, under any name. One with a file's id and another name stays: its owner has
  // written it by other means.
  if (row.objectKey !== object.key) return fate === 'goes';
  switch (fate) {
    case 'stays':
      return row.storedKey !== null;
    case 'waits':
    case 'goes':
      return row.objectRemovedAt !== null;
  }
}

async function removeAbandoned(sweep: RunningSweep, uploads: readonly Upload[]): Promise<void> {
  const { sweepQueries, bucket, ids, now } = sweep.services;
  const found: (Upload & { stored: StoredObject })[] = [];
  await eachObject(uploads, { ...sweep, ...sweep.services, note: async () => {} }, async (upload) => {
    const stored = await bucket.head(upload.key);
    if (stored?.etag !== upload.object.etag) return false;
    if (isSignedUpload(ids, upload.parsed, stored)) found.push({ ...upload, stored });
    else sweep.counts.foreign++;
    return true;
  });
  const refused = found.map(({ parsed, stored }) => toUnverifiedFile(parsed, stored, now()));
  const taken = new Set((await sweepQueries.refuse(refused)).map(nameOf));
  const note = async (done: readonly Upload[]) => {
    sweep.counts.abandoned += done.length;
    await sweepQueries.markRemoved(done, actOfSweeper('sweep.abandoned'));
  };
  // The others have a row by now, from a confirmation or another sweep.
  const ours = found.filter((upload) => taken.has(nameOf(upload)));
  await eachObject(ours, { ...sweep, ...sweep.services, note }, async ({ stored }) => {
    await bucket.remove(stored);
    return true;
  });
}

/**
 * Removes the objects that have not changed since the listing. Their rows, or for copies the lack of one, exclude a
 * confirmation.
 */
async function removeStray(sweep: RunningSweep, uploads: readonly Upload[]): Promise<void> {
  const { sweepQueries, bucket } = sweep.services;
  const note = async (done: readonly Upload[]) => {
    sweep.counts.stray += done.length;
    await sweepQueries.logRemovals(done, actOfSweeper('sweep.stray'));
  };
  await eachObject(uploads, { ...sweep, ...sweep.services, note }, async ({ key, object: listed }) => {
    const object = await bucket.head(key);
    if (object === null || object.etag !== listed.etag) return false;
    await bucket.remove(object);
    return true;
  });
}

/** Reports files in a range of keys whose object is gone: only a person can decide what to do. */
async function reportMissing(
  { services, counts, failures, signal }: RunningSweep,
  objects: readonly ListedObject[],
  range: KeyRange,
): Promise<void> {
  const { sweepQueries, bucket, logger } = services;
  const rows = await sweepQueries.withoutObject(
    range,
    objects.map(({ key }) => key),
  );
  const files = rows.map((row) => ({ row, key: objectOfFile(row).key }));
  const note = async () => {};
  await eachObject(files, { failures, signal, logger, note }, async ({ row, key }) => {
    // If it was confirmed after the listing, or deleted meanwhile, nothing is wrong.
    if ((await bucket.head(key, row.versionId)) !== null) return false;
    const [now] = await sweepQueries.withIds([row]);
    if (now === undefined || FILE_STATES[now.status].object !== 'stays') return false;
    counts.missing++;
    const { id, objectKey, storedKey } = row;
    logger.warn({ fileId: id, objectKey, storedKey }, 'the object of a file is gone');
    return true;
  });
}

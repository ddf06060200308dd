import { FILE_STATES } from '../contract/file-states.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey } from '../contract/object-key.ts';
import type { FileId } from '../db/create-file-queries.ts';
import type { KeyRange } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { StoredObject } from '../storage/bucket.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import { toRefusedFile } from '../uploads/to-new-file.ts';
import { eachObject } from './each-object.ts';
import { isOfSweeper } from './examine-marker.ts';
import { actOfSweeper, type RunningSweep } from './running-sweep.ts';

/** An upload that nobody has confirmed for so long is abandoned. Longer than any request runs, by far. */
const ABANDONED_MS = 86_400_000;

/** Clients that come back to an upload in parts find it for so long. */
export const UNFINISHED_MS = 7 * 86_400_000;

/** The ETag of an object that was put together of parts: their number stands at its end. */
const ETAG_OF_PARTS = /-\d+"?$/;

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
 * | not an upload or a copy | | left, and counted |
 *
 * **No object is removed while it is being confirmed.** Confirming ends with one insert of the file's id. The sweeper
 * removes what has no row only after its own insert of the same id, as `refused`, has won: of the two exactly one does.
 * If the sweeper's wins, the confirmation answers 409 and the upload is gone as a whole; if it loses, it leaves the
 * object. A copy belongs to one confirmation, which made it moments before its insert: no request lasts a day.
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

/** By the bucket's clock, which dated it. */
function isOld({ clocks }: RunningSweep, { etag, lastModified }: ListedObject): boolean {
  // S3 dates what came in parts by the beginning of the upload (S3 User Guide, "Working with object metadata").
  const maxAgeMs = ABANDONED_MS + (ETAG_OF_PARTS.test(etag) ? UNFINISHED_MS : 0);
  return clocks.bucket.getTime() - lastModified.getTime() >= maxAgeMs;
}

/** Whether this row's id rules out that the object is still needed. */
function isOfNoUse(row: FileRow | undefined, object: ListedObject): boolean {
  if (row === undefined) return false;
  const fate = FILE_STATES[row.status].object;
  // The id is refused, under whatever name. A file's under another name is not for us to judge: its owner, with other
  // means of writing, has put it there.
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
  const { sweepQueries, bucket, now } = sweep.services;
  const found: (Upload & { stored: StoredObject })[] = [];
  await eachObject(uploads, { ...sweep, ...sweep.services, note: async () => {} }, async (upload) => {
    const stored = await bucket.head(upload.key);
    return stored?.etag === upload.object.etag && found.push({ ...upload, stored }) > 0;
  });
  const refused = found.map(({ parsed, stored }) => toRefusedFile(parsed, stored, now()));
  const taken = new Set((await sweepQueries.refuse(refused)).map(nameOf));
  const note = async (done: readonly Upload[]) => {
    sweep.counts.abandoned += done.length;
    await sweepQueries.markRemoved(done, actOfSweeper('sweep.abandoned'));
  };
  // The others have a row by now: somebody was faster.
  const ours = found.filter((upload) => taken.has(nameOf(upload)));
  await eachObject(ours, { ...sweep, ...sweep.services, note }, async ({ stored }) => {
    await bucket.remove(stored);
    return true;
  });
}

/** Removes those that are still what was listed: their rows, or the lack of one for a copy, rule out a confirmation. */
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

/** Files of a stretch of keys that have lost their object. They are reported: only a person knows what it means. */
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
  const files = rows.map((row) => ({ row, key: row.storedKey ?? row.objectKey }));
  const note = async () => {};
  await eachObject(files, { failures, signal, logger, note }, async ({ row, key }) => {
    // Confirmed after the page was listed, or deleted meanwhile: then nothing is wrong with it.
    if ((await bucket.head(key, row.versionId)) !== null) return false;
    const [now] = await sweepQueries.withIds([row]);
    if (now === undefined || FILE_STATES[now.status].object !== 'stays') return false;
    counts.missing++;
    const { id, objectKey, storedKey } = row;
    logger.warn({ fileId: id, objectKey, storedKey }, 'the object of a file is gone');
    return true;
  });
}

import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import type { ObjectKeyParts } from '../object-key.ts';
import type { Bucket, StoredObject } from '../storage/bucket.ts';

/**
 * Removes an object that is no file. A confirmation at the same moment must not be left with a row and no object, nor
 * with another object than it saw: so the file id is taken first, by a row that says `refused`. Of the two
 * inserts one wins, whatever the store makes of a conditional delete; from then on the id can become no file.
 * @returns the file's row when it was confirmed after all, and nothing is removed; else null.
 * @throws {Problem} `database-unavailable`, and `storage-unavailable` when the object is still there: it is nobody's file
 * any more, and may be discarded again.
 */
export async function discardObject(
  { files, bucket, now }: { files: Files; bucket: Pick<Bucket, 'remove'>; now: () => Date },
  key: ObjectKeyParts,
  object: StoredObject,
): Promise<FileRow | null> {
  const taken = await files.refuse({
    id: key.fileId,
    ownerId: key.userId,
    objectKey: object.key,
    storedKey: null,
    fileName: key.fileName,
    contentType: object.contentType,
    sizeBytes: object.sizeBytes,
    etag: object.etag,
    versionId: object.versionId,
    checksumSha256: object.checksumSha256,
    recordId: key.recordId,
    documentType: key.documentType,
    metadata: {},
    createdAt: now(),
  });
  if (taken === null) {
    const row = await files.findAny({ id: key.fileId, ownerId: key.userId });
    const isKnown = row !== null && row.objectKey === object.key;
    if (isKnown && (row.status === 'active' || row.status === 'archived')) return row;
    // A deleted file's object is kept for its time, and no confirmation shortens that.
    if (isKnown && row.status === 'deleted' && row.objectRemovedAt === null) return null;
  }
  await bucket.remove(object);
  if (taken !== null) await files.markRemoved(taken, now());
  return null;
}

import type { Files } from '../db/create-files.ts';
import type { FileRow } from '../db/schema.ts';
import type { ParsedKey } from '../object-key.ts';
import type { Bucket, StoredObject } from '../storage/bucket.ts';

/**
 * Removes what is under a key and is no file, and sees to it that nothing there ever will be one: what arrives later
 * is swept. A confirmation at the same moment must not be left with a row and no object, nor with another object than
 * it saw: so the file id is taken first, by a row that says `refused`. Of the two inserts one wins, whatever the store
 * makes of a conditional delete; from then on the id can become no file.
 * @param object null when nothing is there yet.
 * @returns the file's row when it was confirmed after all, and nothing is removed; else null.
 * @throws {Problem} `database-unavailable`, and `storage-unavailable` when the object is still there: it is nobody's
 * file any more, and may be discarded again.
 */
export async function discardObject(
  { files, bucket, now }: { files: Files; bucket: Pick<Bucket, 'remove'>; now: () => Date },
  key: ParsedKey,
  object: StoredObject | null,
): Promise<FileRow | null> {
  const taken = await files.refuse({
    id: key.fileId,
    ownerId: key.userId,
    objectKey: key.key,
    storedKey: null,
    fileName: key.fileName,
    contentType: object?.contentType ?? '',
    detectedContentType: null,
    sizeBytes: object?.sizeBytes ?? 0,
    etag: object?.etag ?? '',
    versionId: object?.versionId ?? null,
    checksumSha256: object?.checksumSha256 ?? null,
    recordId: key.recordId,
    documentType: key.documentType,
    metadata: {},
    createdAt: now(),
  });
  if (taken === null) {
    const row = await files.findAny({ id: key.fileId, ownerId: key.userId });
    const isKnown = row !== null && row.objectKey === key.key;
    if (isKnown && (row.status === 'active' || row.status === 'archived')) return row;
    // A deleted file's object is kept for its time, and no confirmation shortens that.
    if (isKnown && row.status === 'deleted' && row.objectRemovedAt === null) return null;
  }
  if (object !== null) await bucket.remove(object);
  if (taken !== null) await files.markRemoved(taken);
  return null;
}

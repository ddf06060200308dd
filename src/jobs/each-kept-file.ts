import type { Config } from '../config/config.ts';
import type { Mismatch } from '../contract/errors.ts';
import { FILE_STATES } from '../contract/file-states.ts';
import { storedTypeOf, toMediaType } from '../contract/media-type.ts';
import { type ParsedKey, parseFrozenKey, parseObjectKey } from '../contract/object-key.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { objectOfFile } from '../files/object-of-file.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { fromMetadata } from '../uploads/upload-metadata.ts';
import { verifyObject } from '../uploads/verify-object.ts';

/** The object that holds the bytes of a file, or of a deleted one that is still kept. */
export type KeptFile = { key: string; parsed: ParsedKey; row: FileRow };

/** Which of these objects hold the bytes of files. */
export async function findKeptRows(
  { config, sweepQueries }: { config: Pick<Config, 'store'>; sweepQueries: Pick<SweepQueries, 'withIds'> },
  objects: readonly ListedObject[],
) {
  const { keyPrefix } = config.store;
  const uploads = objects.flatMap(({ key }) => {
    const parsed = parseObjectKey(keyPrefix, key) ?? parseFrozenKey(keyPrefix, key);
    return parsed === null ? [] : [{ key, parsed, id: parsed.fileId, ownerId: parsed.userId }];
  });
  const rows = await sweepQueries.withIds(uploads);
  const rowOf = new Map(rows.map((row) => [`${row.ownerId} ${objectOfFile(row).key}`, row]));
  return uploads.flatMap(({ key, parsed }): KeptFile[] => {
    const row = rowOf.get(`${parsed.userId} ${key}`);
    const isKept = row !== undefined && FILE_STATES[row.status].object !== 'goes' && row.objectRemovedAt === null;
    return isKept ? [{ key, parsed, row }] : [];
  });
}

/** How an object differs from what its row describes, apart from ETag, version and key. */
export async function differences(
  services: { config: Pick<Config, 'limits' | 'store'>; bucket: Bucket },
  key: ParsedKey,
  row: FileRow,
  object: StoredObject,
): Promise<readonly Mismatch[]> {
  if (object.sizeBytes !== row.sizeBytes) {
    return [{ path: 'size', message: `stored ${object.sizeBytes} bytes, the file has ${row.sizeBytes}` }];
  }
  // With the same ETag it has the same bytes, but a tool may have left out the rest.
  if (object.etag !== row.etag) return (await verifyObject(services, key, object)).mismatches;
  if (fromMetadata(object.metadata) === null) return [{ path: 'metadata', message: 'was not copied with the object' }];
  const expected = storedTypeOf(row);
  return (toMediaType(object.contentType) ?? object.contentType) === expected
    ? []
    : [{ path: 'contentType', message: `is ${object.contentType}, the file's ${expected}` }];
}

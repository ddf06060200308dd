import type { Config } from '../config/config.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import { newestKeyId } from '../storage/encryption.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { withKeyId } from './upload-metadata.ts';

/** The ETag of an object stored by one PUT: its MD5, unless SSE-KMS or SSE-C encrypts it. */
const MD5_ETAG = /^"[0-9a-f]{32}"$/;

/**
 * Copies an object within the bucket, provided that it is still the one that `head` read.
 * The copy is encrypted as new objects are, and its metadata says so.
 * @param instead the copy's type and metadata. Default: the object's own.
 * @returns the copy.
 * @throws {Problem} `conflict` when the object changed after it was read, `storage-unavailable`.
 */
export async function copyUnchanged(
  { config, bucket }: { config: Pick<Config, 'store'>; bucket: Bucket },
  object: StoredObject,
  toKey: string,
  instead?: Pick<StoredObject, 'contentType' | 'metadata'>,
): Promise<StoredObject> {
  const sseKeyId = newestKeyId(config.store);
  const asked = instead ?? (object.sseKeyId === sseKeyId ? undefined : object);
  const own = asked && { contentType: asked.contentType, metadata: withKeyId(asked.metadata, sseKeyId) };
  const copied = await bucket.copy(object, toKey, own);
  // Ceph does not return the copy's version id, which is needed to delete the copy for good.
  const isUnnamed = object.versionId !== null && copied.versionId === null;
  const versionId = isUnnamed ? ((await bucket.head(toKey))?.versionId ?? null) : copied.versionId;
  const copy = { ...object, ...copied, ...own, key: toKey, versionId };
  // Ceph checks the condition only before it copies. If both ETags are MD5s, comparing them detects a change.
  const hasKeys = config.store.sse.mode === 'kms' || object.sseKeyId !== null || copy.sseKeyId !== null;
  const areMd5s = !hasKeys && MD5_ETAG.test(object.etag) && MD5_ETAG.test(copy.etag);
  if (areMd5s && object.etag !== copy.etag) {
    await bucket.remove(copy).catch(() => {});
    throw objectChanged();
  }
  return copy;
}

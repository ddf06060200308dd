import type { Config } from '../config/config.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import { newestKeyId } from '../storage/encryption.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { withKeyId } from './upload-metadata.ts';

/**
 * Whether the ETag is the MD5 of the bytes: that of an object stored by one PUT, unless SSE-KMS or SSE-C encrypts it
 * (S3 API Reference, Object). The bucket's default may be SSE-KMS, so only the object's own headers tell.
 */
function hasMd5({ etag, sse, sseKeyId }: Pick<StoredObject, 'etag' | 'sse' | 'sseKeyId'>): boolean {
  return /^"[0-9a-f]{32}"$/.test(etag) && (sse === null || sse === 'AES256') && sseKeyId === null;
}

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
  // Ceph checks the condition only before it copies. If both ETags are MD5s, comparing them detects a change. Not every
  // store says how it encrypted the copy.
  const mayBeMd5s = config.store.sse.mode !== 'kms' && hasMd5(object) && hasMd5(copy);
  if (mayBeMd5s && object.etag !== copy.etag) {
    await bucket.remove(copy).catch(() => {});
    throw objectChanged();
  }
  return copy;
}

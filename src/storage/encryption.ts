import type { MasterKey } from '../config/settings/encryption-settings.ts';
import type { Store } from '../config/slices.ts';
import { unavailable } from '../contract/errors.ts';
import { parseFrozenKey, parseObjectKey, userSegment } from '../contract/object-key.ts';
import { type CustomerKey, customerKey } from './customer-key.ts';

type EncryptingStore = Pick<Store, 'sse' | 'keyPrefix'>;

/** An object, and the id of the master key from which its own key is derived (SSE-C); null: it needs no key. */
export type EncryptedObject = { key: string; sseKeyId: string | null };

/** The master key for new objects; null unless `SSE_MODE` is `c`. */
export function newestKeyId({ sse }: Pick<Store, 'sse'>): string | null {
  return sse.mode === 'c' ? (sse.masterKeys[0]?.id ?? null) : null;
}

/**
 * The master keys that the key of an object may be derived from, the likeliest first; null: it has no key. A row names
 * its master key. For an upload that is not confirmed there is no row, and its metadata cannot be read without the key.
 */
export function possibleKeyIds({ sse }: Pick<Store, 'sse'>): (string | null)[] {
  const ids = sse.masterKeys.map(({ id }) => id);
  return sse.mode === 'c' ? [...ids, null] : [null, ...ids];
}

/** Whether the store can copy an object with this key, and encrypt the copy; see `StoreTraits.encryptedCopies`. */
export function canCopy(
  { sse, encryptedCopies }: Pick<Store, 'sse' | 'encryptedCopies'>,
  sseKeyId: string | null = null,
): boolean {
  return encryptedCopies || (sse.mode === 'none' && sseKeyId === null);
}

/** Encryption at rest of a new object, as parameters of the SDK's commands; empty for the bucket's default. */
export function encryptionOf(store: EncryptingStore, key: string, sseKeyId = newestKeyId(store)) {
  const { mode, kmsKeyId, kmsBucketKey } = store.sse;
  if (mode === 's3') return { ServerSideEncryption: 'AES256' as const };
  if (mode !== 'kms') return readingParameters(store, { key, sseKeyId });
  const context = contextOf(store, key);
  return {
    ServerSideEncryption: 'aws:kms' as const,
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
    ...(context !== null && { SSEKMSEncryptionContext: context }),
    ...(kmsBucketKey !== undefined && { BucketKeyEnabled: kmsBucketKey }),
  };
}

/**
 * The headers that ask for encryption at rest of a new object (S3 API Reference, PutObject); empty for the bucket's
 * default.
 */
export function encryptionHeaders(store: EncryptingStore, key: string): Record<string, string> {
  const { mode, kmsKeyId, kmsBucketKey } = store.sse;
  if (mode === 's3') return { 'x-amz-server-side-encryption': 'AES256' };
  if (mode !== 'kms') return readingHeaders(store, { key, sseKeyId: newestKeyId(store) });
  const context = contextOf(store, key);
  return {
    'x-amz-server-side-encryption': 'aws:kms',
    ...(kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
    ...(context !== null && { 'x-amz-server-side-encryption-context': context }),
    ...(kmsBucketKey !== undefined && {
      'x-amz-server-side-encryption-bucket-key-enabled': String(kmsBucketKey),
    }),
  };
}

/**
 * The headers that HEAD, GET, parts and their completion need for this object: its key, for SSE-C. Empty for any other
 * encryption. Never log them.
 * @throws {Problem} `storage-unavailable` if `SSE_C_MASTER_KEYS` has no such master key.
 */
export function readingHeaders({ sse }: Pick<Store, 'sse'>, object: EncryptedObject): Record<string, string> {
  const known = keyOf(sse.masterKeys, object);
  return known === null
    ? {}
    : {
        'x-amz-server-side-encryption-customer-algorithm': known.algorithm,
        'x-amz-server-side-encryption-customer-key': known.key,
        'x-amz-server-side-encryption-customer-key-md5': known.keyMd5,
      };
}

/** `readingHeaders` as parameters of the SDK's commands. The SDK adds the MD5. */
export function readingParameters({ sse }: Pick<Store, 'sse'>, object: EncryptedObject) {
  const known = keyOf(sse.masterKeys, object);
  return known === null ? {} : { SSECustomerAlgorithm: known.algorithm, SSECustomerKey: known.key };
}

/** The same for the source of a copy (S3 API Reference, CopyObject). */
export function sourceParameters({ sse }: Pick<Store, 'sse'>, object: EncryptedObject) {
  const known = keyOf(sse.masterKeys, object);
  return known === null ? {} : { CopySourceSSECustomerAlgorithm: known.algorithm, CopySourceSSECustomerKey: known.key };
}

function keyOf(masterKeys: readonly MasterKey[], { key, sseKeyId }: EncryptedObject): CustomerKey | null {
  if (sseKeyId === null) return null;
  const master = masterKeys.find(({ id }) => id === sseKeyId);
  if (master === undefined) throw unavailable('storage', new Error(`SSE_C_MASTER_KEYS has no key ${sseKeyId}`));
  return customerKey(master, key);
}

/** The encryption context as S3 takes it: base64 of JSON. `{owner}` is the owner in the key; null: there is none. */
function contextOf({ sse, keyPrefix }: EncryptingStore, key: string): string | null {
  if (sse.kmsContext === undefined) return null;
  const parsed = parseObjectKey(keyPrefix, key) ?? parseFrozenKey(keyPrefix, key);
  const owner = parsed === null ? '' : userSegment(parsed.userId);
  const pairs = sse.kmsContext.map(([name, value]) => [name, value.replaceAll('{owner}', owner)]);
  return Buffer.from(JSON.stringify(Object.fromEntries(pairs))).toString('base64');
}

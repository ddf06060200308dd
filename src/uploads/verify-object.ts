import type { Config } from '../config/config.ts';
import { allowsType, findViolations } from '../config/limits.ts';
import { isCopied, maxCopyBytes } from '../config/store-traits.ts';
import type { Mismatch } from '../contract/errors.ts';
import { storedTypeOf, toMediaType } from '../contract/media-type.ts';
import { type ObjectKeyParts, safeFileName } from '../contract/object-key.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { ANY_TYPE, fromMetadata, type UploadMetadata } from './upload-metadata.ts';

/** How many of an object's first bytes are examined: as many as the `file-type` library wants. */
export const SAMPLE_BYTES = 4100;

/** Loaded when it is first needed: its library of formats is a large part of a start. */
export const loadContentCheck = () => {
  loading ??= import('./check-content.ts');
  return loading;
};
let loading: Promise<typeof import('./check-content.ts')> | undefined;

/** An object that can be a file, and what its metadata says. */
export type Verified = { upload: UploadMetadata; detectedContentType: string | null; mismatches: [] };

/** Whether confirming takes more than the object's headers and first bytes: it is copied, or all of it is hashed. */
export function isCostly(store: Config['store'], object: StoredObject): boolean {
  const upload = fromMetadata(object.metadata);
  return upload !== null && (isCopied(store, upload.isRepeatable) || mustHash(upload, object));
}

/**
 * Hash the bytes if the store ignores x-amz-checksum-sha256, or has only a composite of the parts' checksums (S3 User
 * Guide, "Checking object integrity").
 */
function mustHash(upload: UploadMetadata, { checksumSha256 }: StoredObject): boolean {
  return upload.checksumSha256 !== null && (checksumSha256 === null || checksumSha256.includes('-'));
}

/**
 * Checks a stored object against its key, its signed metadata, the limits, and its first bytes. Reads bytes only if the
 * cheaper checks pass.
 * @param firstBytes the first `SAMPLE_BYTES` of the object. Default: they are read.
 * @throws {Problem} `storage-unavailable`, or `conflict` if the object changed during the check.
 */
export async function verifyObject(
  services: { config: Pick<Config, 'limits' | 'store'>; bucket: Bucket },
  key: ObjectKeyParts,
  object: StoredObject,
  firstBytes = () => services.bucket.firstBytes(object, SAMPLE_BYTES),
): Promise<Verified | { mismatches: Mismatch[] }> {
  const { config, bucket } = services;
  const upload = fromMetadata(object.metadata);
  if (upload === null) return { mismatches: [{ path: 'metadata', message: 'not stored through a presigned upload' }] };
  const mismatches = compare(config, key, object, upload);
  if (mismatches.length > 0) return { mismatches };

  let detectedContentType: string | null = null;
  // What a client encrypted has no first bytes to look at: by chance they may be a program's.
  if (object.sizeBytes > 0 && upload.remembered.encryption === null) {
    const sample = await firstBytes();
    const isAllowed = (type: string) => allowsType(config.limits, key.documentType, type);
    const { checkContent } = await loadContentCheck();
    const { detected, refusal } = await checkContent(claimedType(upload, object), sample, isAllowed);
    if (refusal !== null) return { mismatches: [{ path: 'contentType', message: refusal }] };
    detectedContentType = detected;
  }
  if (upload.checksumSha256 !== null) {
    const actual = mustHash(upload, object) ? await bucket.sha256(object, key.userId) : object.checksumSha256;
    const message = 'the SHA-256 of the content differs from the signed one';
    if (actual !== upload.checksumSha256) return { mismatches: [{ path: 'checksumSha256', message }] };
  }
  return { upload, detectedContentType, mismatches: [] };
}

/** The type that was signed, or, if the client could choose it, the one that it chose. */
function claimedType({ contentType }: UploadMetadata, object: StoredObject): string {
  return contentType === ANY_TYPE ? object.contentType : contentType;
}

/** How the object's headers differ from its key, its signed metadata and the limits. */
function compare(
  { limits, store }: Pick<Config, 'limits' | 'store'>,
  key: ObjectKeyParts,
  object: StoredObject,
  upload: UploadMetadata,
): Mismatch[] {
  const mismatches: Mismatch[] = [];
  const check = (path: string, agrees: boolean, message: string) => {
    if (!agrees) mismatches.push({ path, message });
  };
  const { fileName, encryption } = upload.remembered;
  check('fileName', safeFileName(fileName) === key.fileName, 'the signed name differs from the one in the key');
  const { sizeBytes } = object;
  // If the size was unknown when signed, check it now.
  const maxBytes = isCopied(store, upload.isRepeatable) ? maxCopyBytes(store) : Number.POSITIVE_INFINITY;
  const mostBytes = Math.min(maxBytes, upload.limitedTo?.maxBytes ?? maxBytes);
  if (upload.sizeBytes === null) check('size', sizeBytes <= mostBytes, `the file has more than ${mostBytes} bytes`);
  else check('size', sizeBytes === upload.sizeBytes, `stored ${sizeBytes} bytes, signed ${upload.sizeBytes}`);
  const contentType = claimedType(upload, object);
  const isSameType = object.contentType === storedTypeOf({ contentType, encryption });
  check('contentType', isSameType, 'the stored type differs from the signed one');
  if (upload.contentType === ANY_TYPE) check('contentType', toMediaType(contentType) !== null, 'is not a media type');
  check('encryption', (upload.sseKeyId ?? null) === object.sseKeyId, 'is not the one that was signed');
  // Content-Encoding is not signed, so a client can send it; a download would then decode to other bytes.
  const isEncoded = object.contentEncoding !== null && object.contentEncoding !== 'aws-chunked';
  check('contentEncoding', !isEncoded, 'the object is stored with a content encoding');
  const { documentType, recordId } = key;
  for (const { path, message } of findViolations(limits, { sizeBytes, contentType, documentType, recordId })) {
    mismatches.push({ path, message });
  }
  return mismatches;
}

import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import type { Config } from '../config/config.ts';
import type { Quota } from '../config/slices.ts';
import { maxCopyBytes, type StoreTraits } from '../config/store-traits.ts';
import { type Mismatch, Problem, unavailable } from '../contract/errors.ts';
import { encryption, fileName, metadata } from '../contract/fields.ts';
import { storedTypeOf, toMediaType } from '../contract/media-type.ts';
import { ENCRYPTION_ENTRY, RESERVED_METADATA_PREFIX } from '../contract/metadata-text.ts';
import { baseName, type ParsedKey, safeFileName } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { copyUnchanged } from './copy-unchanged.ts';
import { fitsWithEncryption } from './presign-upload-input.ts';
import { toNewFile } from './to-new-file.ts';
import { fromMetadata, toMetadata, toRemembered, type UploadMetadata } from './upload-metadata.ts';
import { verifyObject } from './verify-object.ts';

export type AdoptObjectServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  files: Pick<FileQueries, 'insert'>;
};

type Adoption = {
  /** The file's key; its last part is the reduced name of the object. */
  key: ParsedKey;
  /** Where the object is copied to: the file's key, or one that nobody can write. */
  copyTo: string;
  act: Act;
  quota?: Quota;
  createdAt: Date;
  /** Only verifies. */
  dryRun?: boolean;
};

/**
 * `row`: null if the id has a row already, and in a dry run. `metadataLost`: the object has metadata that a file cannot
 * have, and the file has none.
 */
type Adopted =
  | { row: FileRow | null; copy: StoredObject | null; metadataLost?: true }
  | { reasons: readonly Mismatch[] };

/**
 * Makes a file of an object that was put by other means than a presigned upload: verifies it as a confirmation does,
 * copies it with signed metadata, and inserts the row of the copy. The copy comes first, so a row without an object
 * cannot be; over the quota, it is removed again; without its row, the sweeper removes it. The object itself stays as
 * it is.
 * @throws {Problem} `conflict` if the object changed meanwhile, `quota-exceeded`, `storage-unavailable`,
 * `database-unavailable`.
 */
export async function adoptObject(
  services: AdoptObjectServices,
  source: StoredObject,
  { key, copyTo, act, quota, createdAt, dryRun = false }: Adoption,
): Promise<Adopted> {
  const { bucket, files, config } = services;
  const { upload, metadataLost, reasons } = toUpload(config.store, source);
  if (upload === null) return { reasons };

  const storedType = storedTypeOf({ contentType: upload.contentType, encryption: upload.remembered.encryption });
  const instead = { contentType: storedType, metadata: toMetadata(upload) };
  const verdict = await verifyObject(services, key, { ...source, ...instead });
  if (!('upload' in verdict)) return { reasons: verdict.mismatches };
  const lost = metadataLost && { metadataLost };
  if (dryRun) return { row: null, copy: null, ...lost };

  const copied = await copyUnchanged(services, source, copyTo, instead);
  const copy = await bucket.head(copyTo);
  const isAsAsked =
    copy?.etag === copied.etag &&
    copy.sizeBytes === source.sizeBytes &&
    copy.contentType === storedType &&
    isDeepStrictEqual(fromMetadata(copy.metadata), fromMetadata(copied.metadata));
  if (!isAsAsked) throw unavailable('storage', new Error('CopyObject made another object than it was asked for'));
  const file = toNewFile(key, verdict, { object: copy, stored: copy, createdAt }, config.limits);
  const row = await files.insert(file, act, quota).catch(async (error: unknown) => {
    // No other refusal says for certain that there is no row.
    if (error instanceof Problem && error.code === 'quota-exceeded') await bucket.remove(copy).catch(() => {});
    throw error;
  });
  return { row, copy, ...lost };
}

/**
 * The upload that would have stored this object; null, with the reasons, if it could not have been signed. If the
 * object has the metadata of a signed upload, also of another bucket, it keeps what only the client claims: the name,
 * the pairs, how the client encrypted it, and its type before that. Anybody who may put the object could write these as
 * well.
 */
function toUpload(
  store: Pick<StoreTraits, 'partCopies'>,
  { key, sizeBytes, contentType, metadata: stored, sseKeyId }: StoredObject,
) {
  const reasons: Mismatch[] = [];
  const note = (path: string, { error }: z.ZodSafeParseResult<unknown>) => {
    for (const { message } of error?.issues ?? []) reasons.push({ path, message });
  };
  const signed = fromMetadata(stored);
  const signedName = signed?.remembered.fileName;
  const isOfKey = signedName !== undefined && safeFileName(signedName) === safeFileName(key);
  const name = fileName.safeParse(isOfKey ? signedName : baseName(key));
  note('fileName', name);
  const envelope = encryption.optional().safeParse(stored[ENCRYPTION_ENTRY]);
  note('encryption', envelope);
  const typeBefore = signed === null || envelope.data === undefined ? null : toMediaType(signed.contentType);
  const type = typeBefore ?? toMediaType(contentType);
  if (type === null) reasons.push({ path: 'contentType', message: 'is not a media type' });
  const maxBytes = maxCopyBytes(store);
  if (sizeBytes > maxBytes)
    reasons.push({ path: 'size', message: `has more than ${maxBytes} bytes: no copy can be made` });
  const own = Object.entries(stored).filter(([name]) => !name.startsWith(RESERVED_METADATA_PREFIX));
  const { data: pairs } = metadata
    .refine((pairs) => fitsWithEncryption({ metadata: pairs, encryption: envelope.data }))
    .safeParse(signed?.remembered.metadata ?? Object.fromEntries(own));
  const metadataLost = pairs === undefined ? (true as const) : undefined;
  if (reasons.length > 0 || !name.success || type === null) return { upload: null, metadataLost, reasons };
  const remembered = toRemembered({ fileName: name.data, metadata: pairs, encryption: envelope.data });
  const upload: UploadMetadata = {
    remembered,
    sizeBytes,
    contentType: type,
    checksumSha256: null,
    isRepeatable: false,
    ...(sseKeyId !== null && { sseKeyId }),
  };
  return { upload, metadataLost, reasons };
}

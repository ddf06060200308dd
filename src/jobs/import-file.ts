import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { Config } from '../config/config.ts';
import { type Mismatch, unavailable } from '../contract/errors.ts';
import { fileName, metadata } from '../contract/fields.ts';
import { toMediaType } from '../contract/media-type.ts';
import { RESERVED_METADATA_PREFIX } from '../contract/metadata-text.ts';
import { baseName, type ParsedKey, systemActor } from '../contract/object-key.ts';
import { MAX_PUT_BYTES } from '../contract/s3-limits.ts';
import type { Act } from '../db/audit-row.ts';
import type { FileQueries } from '../db/create-file-queries.ts';
import type { FileRow } from '../db/schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import { objectChanged } from '../storage/bucket-errors.ts';
import type { ListedObject } from '../storage/list-bucket.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { copyUnchanged } from '../uploads/copy-unchanged.ts';
import { toNewFile } from '../uploads/to-new-file.ts';
import { fromMetadata, toMetadata, toRemembered, type UploadMetadata } from '../uploads/upload-metadata.ts';
import { verifyObject } from '../uploads/verify-object.ts';

export type ImportFileServices = {
  config: Pick<Config, 'limits' | 'store'>;
  bucket: Bucket;
  /** Without a quota: the bytes are in the bucket already. */
  files: Pick<FileQueries, 'insert'>;
  /** So that no database of before the import sweeps the copies. */
  watermark: { note: (file: FileRow) => void };
};

/** `metadataLost`: the object has metadata that a file cannot have, and the file has none. */
export type ImportOutcome =
  | { result: 'imported' | 'known'; fileId: string; objectKey: string; metadataLost?: true }
  | { result: 'rejected'; reasons: readonly Mismatch[] };

const ACT: Act = { actorId: systemActor('import'), requestId: 'import', address: null, action: 'file.import' };

/**
 * Verifies an object and copies it to the key of a file, then inserts the row. The copy comes first, so a row without
 * an object cannot be; without its row the copy is an abandoned upload.
 * @throws {Problem} `conflict` if the object changed since it was listed, `storage-unavailable`,
 * `database-unavailable`.
 */
export async function importFile(
  services: ImportFileServices,
  listed: ListedObject,
  key: ParsedKey,
  dryRun: boolean,
): Promise<ImportOutcome> {
  const { bucket, files, watermark } = services;
  const source = await bucket.head(listed.key);
  if (source?.etag !== listed.etag) throw objectChanged();
  const { upload, metadataLost, reasons } = toUpload(source);
  if (upload === null) return { result: 'rejected', reasons };

  const instead = { contentType: upload.contentType, metadata: toMetadata(upload) };
  const verdict = await verifyObject(services, key, { ...source, ...instead });
  if (!('upload' in verdict)) return { result: 'rejected', reasons: verdict.mismatches };
  const imported = { fileId: key.fileId, objectKey: key.key, ...(metadataLost && { metadataLost }) };
  if (dryRun) return { result: 'imported', ...imported };

  const copied = await copyUnchanged(services, source, key.key, instead);
  const copy = await bucket.head(key.key);
  const isAsAsked =
    copy?.etag === copied.etag &&
    copy.sizeBytes === source.sizeBytes &&
    copy.contentType === upload.contentType &&
    isDeepStrictEqual(fromMetadata(copy.metadata), fromMetadata(copied.metadata));
  if (!isAsAsked) throw unavailable('storage', new Error('CopyObject made another object than it was asked for'));
  const file = toNewFile(
    key,
    verdict,
    { object: copy, stored: copy, createdAt: listed.lastModified },
    services.config.limits,
  );
  const row = await files.insert(file, ACT);
  if (row === null) return { result: 'known', ...imported };
  watermark.note(row);
  return { result: 'imported', ...imported };
}

/** The upload that would have stored this object; null, with the reasons, if it could not have been signed. */
function toUpload({ key, sizeBytes, contentType, metadata: stored, sseKeyId }: StoredObject) {
  const reasons: Mismatch[] = [];
  const note = (path: string, { error }: z.ZodSafeParseResult<unknown>) => {
    for (const { message } of error?.issues ?? []) reasons.push({ path, message });
  };
  const name = fileName.safeParse(baseName(key));
  note('fileName', name);
  const type = toMediaType(contentType);
  if (type === null) reasons.push({ path: 'contentType', message: 'is not a media type' });
  if (sizeBytes > MAX_PUT_BYTES) {
    reasons.push({
      path: 'size',
      message: `has more than ${MAX_PUT_BYTES} bytes, which cannot be copied in one piece`,
    });
  }
  const own = Object.entries(stored).filter(([name]) => !name.startsWith(RESERVED_METADATA_PREFIX));
  const pairs = metadata.safeParse(Object.fromEntries(own));
  const metadataLost = pairs.success ? undefined : (true as const);
  if (reasons.length > 0 || !name.success || type === null) return { upload: null, metadataLost, reasons };
  const remembered = toRemembered({ fileName: name.data, metadata: pairs.data });
  const upload: UploadMetadata = {
    ...{ remembered, sizeBytes, contentType: type },
    ...{ checksumSha256: null, isRepeatable: false },
    ...(sseKeyId !== null && { sseKeyId }),
  };
  return { upload, metadataLost, reasons };
}

import type { NewFile } from '../db/create-files.ts';
import type { ParsedKey } from '../object-key.ts';
import type { StoredObject } from '../storage/bucket.ts';
import type { UploadMetadata } from './upload-metadata.ts';

/**
 * The row of a verified upload: the one place that says how a row is made of a key, of what was signed, and of what is
 * stored.
 * @param stored where the bytes are: the object itself, or its verified copy.
 */
export function toNewFile(
  key: ParsedKey,
  upload: UploadMetadata,
  { object, stored, createdAt }: { object: StoredObject; stored: StoredObject; createdAt: Date },
): NewFile {
  return {
    id: key.fileId,
    ownerId: key.userId,
    objectKey: key.key,
    storedKey: stored.key === key.key ? null : stored.key,
    fileName: upload.fileName,
    contentType: object.contentType,
    detectedContentType: null,
    sizeBytes: object.sizeBytes,
    etag: stored.etag,
    versionId: stored.versionId,
    checksumSha256: object.checksumSha256 ?? upload.checksumSha256,
    recordId: key.recordId,
    documentType: key.documentType,
    metadata: upload.metadata,
    createdAt,
  };
}

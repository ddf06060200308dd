import { type HoldLimits, isHeldType } from '../config/held-types.ts';
import { HELD_STATE } from '../contract/file-states.ts';
import { toMediaType } from '../contract/media-type.ts';
import type { ParsedKey } from '../contract/object-key.ts';
import type { NewFile } from '../db/create-file-queries.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { toRemembered, type UploadMetadata } from './upload-metadata.ts';

/**
 * The row of a verified upload. Only this file builds rows, from the key, the signed metadata and the stored object.
 * @param limits decide whether it is held.
 * @param stored the object that has the bytes: the upload itself, or its verified copy.
 */
export function toNewFile(
  key: ParsedKey,
  { upload, detectedContentType }: { upload: UploadMetadata; detectedContentType: string | null },
  { object, stored, createdAt }: { object: StoredObject; stored: StoredObject; createdAt: Date },
  limits: HoldLimits,
): NewFile {
  return {
    ...toUnverifiedFile(key, object, createdAt),
    storedKey: stored.key === key.key ? null : stored.key,
    ...upload.remembered,
    contentType: upload.remembered.encryption === null ? typeOf(object) : upload.contentType,
    detectedContentType,
    etag: stored.etag,
    versionId: stored.versionId,
    sseKeyId: stored.sseKeyId,
    checksumSha256: object.checksumSha256 ?? upload.checksumSha256,
    ...(isHeldType(limits, key.documentType) && { status: HELD_STATE }),
  };
}

function typeOf({ contentType }: StoredObject): string {
  return toMediaType(contentType) ?? contentType;
}

/**
 * The row of an upload of which nothing was verified: refused, aborted or abandoned. It is built from the key and the
 * object's own headers.
 * @param object null if nothing has arrived.
 */
export function toUnverifiedFile(key: ParsedKey, object: StoredObject | null, createdAt: Date): NewFile {
  return {
    id: key.fileId,
    ownerId: key.userId,
    objectKey: key.key,
    storedKey: null,
    ...toRemembered({ fileName: key.fileName }),
    contentType: object?.contentType ?? '',
    detectedContentType: null,
    sizeBytes: object?.sizeBytes ?? 0,
    etag: object?.etag ?? '',
    versionId: object?.versionId ?? null,
    sseKeyId: object?.sseKeyId ?? null,
    checksumSha256: object?.checksumSha256 ?? null,
    recordId: key.recordId,
    documentType: key.documentType,
    createdAt,
  };
}

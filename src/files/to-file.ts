import type { StoredFile } from '../client/stored-file.ts';
import { FILE_STATES } from '../contract/file-states.ts';
import { publicFileUrl } from '../contract/object-key.ts';
import type { FileRow } from '../db/schema.ts';

/** Columns that are never in an answer. */
type Hidden = 'ownerId' | 'storedKey' | 'sseKeyId' | 'refusal' | 'verdict' | 'deletedAt' | 'objectRemovedAt';

/** A row as the API answers it. */
export function toFile(row: FileRow, publicBaseUrl: string | null): StoredFile {
  return {
    fileId: row.id,
    objectKey: row.objectKey,
    fileName: row.fileName,
    contentType: row.contentType,
    detectedContentType: row.detectedContentType,
    size: row.sizeBytes,
    etag: row.etag,
    versionId: row.versionId,
    checksumSha256: row.checksumSha256,
    recordId: row.recordId,
    documentType: row.documentType,
    metadata: row.metadata,
    encryption: row.encryption,
    status: row.status,
    ...(row.status === 'rejected' && { rejection: row.verdict?.reason ?? '' }),
    createdAt: row.createdAt.toISOString(),
    publicFileUrl: FILE_STATES[row.status].isDownloadable
      ? publicFileUrl(publicBaseUrl, row.storedKey ?? row.objectKey)
      : null,
  } satisfies Record<Exclude<keyof FileRow, Hidden | 'id' | 'sizeBytes'>, unknown> & Record<string, unknown>;
}

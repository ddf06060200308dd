import type { FileRow } from '../db/schema.ts';
import type { ReadableObject } from '../storage/read-object.ts';

/** The object that has a file's bytes, in the version that was verified: the upload itself, or its copy. */
export function objectOfFile({ storedKey, objectKey, etag, versionId, sizeBytes, sseKeyId }: FileRow): ReadableObject {
  return { key: storedKey ?? objectKey, etag, versionId, sizeBytes, sseKeyId };
}

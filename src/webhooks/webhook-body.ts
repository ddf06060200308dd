import type { WebhookMessage } from '../db/create-webhook-queries.ts';
import type { FileRow } from '../db/schema.ts';
import { toFile } from '../files/file-answer.ts';

/**
 * The body of a message (Standard Webhooks 1.0.0, "Payload structure"): `type`, `timestamp` of the event, and `data`.
 * For a file, `data` is the API's answer and `ownerId`; for an upload, what is known of it, and why it was refused.
 */
export function toWebhookBody({ type, at, file }: WebhookMessage, publicBaseUrl: string | null): string {
  const isFile = type.startsWith('file.');
  const data = isFile ? { ownerId: file.ownerId, ...toFile(file, publicBaseUrl) } : toUpload(file);
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}

/** Not a file's fields: nothing but the key and the bucket's own headers was verified. */
function toUpload({ ownerId, id, objectKey, fileName, contentType, sizeBytes, refusal, ...file }: FileRow) {
  const { recordId, documentType } = file;
  const upload = { ownerId, fileId: id, objectKey, fileName, contentType, size: sizeBytes, recordId, documentType };
  return refusal === null ? upload : { ...upload, ...refusal };
}

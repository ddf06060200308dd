import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { objectKey, uploadId } from '../contract/fields.ts';
import { requests } from '../contract/named-schemas.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { IdSigner } from './id-signer.ts';
import { toOpenUpload, uploadNotFound } from './multipart-plan.ts';
import type { storedPartsAnswer } from './upload-answer.ts';

export const listUploadedPartsInput = z
  .strictObject({ objectKey, uploadId })
  .register(requests, { id: 'ListPartsRequest' });

export type ListUploadedPartsServices = {
  config: Pick<Config, 'store'>;
  ids: IdSigner;
  multipart: Pick<MultipartUploads, 'listParts'>;
};

/**
 * The parts of an upload that are in the bucket, ordered by number.
 * @throws {Problem} `not-your-object`, `upload-not-found`, `storage-unavailable`.
 */
export async function listUploadedParts(
  services: ListUploadedPartsServices,
  caller: Caller,
  input: z.infer<typeof listUploadedPartsInput>,
): Promise<z.infer<typeof storedPartsAnswer>> {
  const { key, sseKeyId, bucketUploadId } = toOpenUpload(services, caller, input);
  const parts = await services.multipart.listParts({ key, sseKeyId }, bucketUploadId, caller.userId);
  if (parts === null) throw uploadNotFound();
  return { parts: parts.map(({ partNumber, sizeBytes, etag }) => ({ partNumber, size: sizeBytes, etag })) };
}

import { type Mismatch, Problem } from '../contract/errors.ts';
import type { MultipartUploads, StoredPart } from '../storage/multipart-uploads.ts';
import { type BegunUpload, type MultipartPlan, partCount, partLength } from './multipart-plan.ts';

type ClientPart = { partNumber: number; etag: string };

/**
 * Completes a multipart upload. First requires that every part has its planned length, and that the parts are those the
 * client lists, if it lists any (it must for an open plan); otherwise the upload stays open and nothing is lost. Does
 * nothing if the bucket no longer has the upload: it was completed or aborted before, or never begun.
 * @param by the user, as for `MultipartUploads.listParts`.
 * @throws {Problem} `conflict` for missing or changed parts, `invalid-request` for a list that differs from the
 * bucket's, `storage-unavailable`.
 */
export async function completeParts(
  multipart: Pick<MultipartUploads, 'listParts' | 'complete'>,
  { key, sseKeyId, plan, bucketUploadId }: BegunUpload,
  clientParts: readonly ClientPart[] | undefined,
  by: string = key,
): Promise<void> {
  const stored = await multipart.listParts({ key, sseKeyId }, bucketUploadId, by);
  if (stored === null) return;
  if (plan.isOpen && clientParts === undefined) {
    const message = 'must list all parts: the file size was not known when this upload began';
    throw new Problem('invalid-request', `parts ${message}`, { errors: [{ path: 'parts', message }] });
  }
  const missing = findMissing(plan, stored);
  if (missing.length > 0) {
    const numbers = missing.slice(0, 20).join(', ');
    throw new Problem('conflict', `parts are missing or incomplete; upload them first: ${numbers}`, {
      errors: missing.map((number) => ({ path: `parts.${number}`, message: 'missing, or has the wrong length' })),
    });
  }
  const errors = clientParts === undefined ? [] : compare(stored, clientParts);
  if (errors.length > 0)
    throw new Problem('invalid-request', 'parts does not match the parts in the bucket', { errors });
  const refusal = await multipart.complete({ key, sseKeyId }, bucketUploadId, stored);
  if (refusal === 'other-parts') throw new Problem('conflict', 'the parts changed during the request; confirm again');
}

function findMissing(plan: MultipartPlan, stored: readonly StoredPart[]): number[] {
  const sizes = new Map(stored.map(({ partNumber, sizeBytes }) => [partNumber, sizeBytes]));
  const count = plan.isOpen ? Math.max(1, ...sizes.keys()) : partCount(plan);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return numbers.filter((number) =>
    plan.isOpen ? !sizes.has(number) : sizes.get(number) !== partLength(plan, number),
  );
}

function compare(stored: readonly StoredPart[], clientParts: readonly ClientPart[]): Mismatch[] {
  const bare = (etag: string) => etag.replaceAll('"', '');
  if (clientParts.length !== stored.length) {
    return [{ path: 'parts', message: `must list all ${stored.length} parts in order` }];
  }
  return clientParts.flatMap(({ partNumber, etag }, index) => {
    const part = stored[index];
    if (part?.partNumber !== partNumber) return [{ path: `parts.${index}.partNumber`, message: 'must be in order' }];
    return bare(part.etag) === bare(etag)
      ? []
      : [{ path: `parts.${index}.etag`, message: 'differs from the ETag of the stored part' }];
  });
}

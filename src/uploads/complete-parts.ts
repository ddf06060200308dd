import { type Mismatch, Problem } from '../contract/errors.ts';
import type { MultipartUploads, StoredPart } from '../storage/multipart-uploads.ts';
import { type MultipartPlan, type OpenUpload, partCount, partLength } from './multipart-plan.ts';

export type ClientPart = { partNumber: number; etag: string };

/**
 * Makes one object of an upload's parts. Nothing is completed unless every part is there in its planned length, and
 * they are those the client names, if it names any (of an open plan it must): until then the upload stays open and
 * nothing is lost. An upload the bucket does not have (any more) is none of its business: completed before, aborted, or
 * never begun.
 * @throws {Problem} `conflict` for parts that are missing or changed, `invalid-request` for a list that is not that of
 * the bucket, `storage-unavailable`.
 */
export async function completeParts(
  multipart: Pick<MultipartUploads, 'listParts' | 'complete'>,
  { key, plan, bucketUploadId }: OpenUpload,
  clientParts: readonly ClientPart[] | undefined,
): Promise<void> {
  const stored = await multipart.listParts(key, bucketUploadId);
  if (stored === null) return;
  if (plan.isOpen && clientParts === undefined) {
    const message = 'must list all parts: nobody else knows where this file ends';
    throw new Problem('invalid-request', `parts ${message}`, { errors: [{ path: 'parts', message }] });
  }
  const missing = findMissing(plan, stored);
  if (missing.length > 0) {
    const numbers = missing.slice(0, 20).join(', ');
    throw new Problem('conflict', `not every part is there in its full length; upload first: ${numbers}`, {
      errors: missing.map((number) => ({ path: `parts.${number}`, message: 'missing, or not of its planned length' })),
    });
  }
  const errors = clientParts === undefined ? [] : compare(stored, clientParts);
  if (errors.length > 0) throw new Problem('invalid-request', 'parts is not the list the bucket has', { errors });
  const refusal = await multipart.complete(key, bucketUploadId, stored);
  if (refusal === 'other-parts') throw new Problem('conflict', 'the parts changed meanwhile; confirm again');
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
    return [{ path: 'parts', message: `must list all ${stored.length} parts, in their order` }];
  }
  return clientParts.flatMap(({ partNumber, etag }, index) => {
    const part = stored[index];
    if (part?.partNumber !== partNumber) return [{ path: `parts.${index}.partNumber`, message: 'must be in order' }];
    return bare(part.etag) === bare(etag) ? [] : [{ path: `parts.${index}.etag`, message: 'is not the one stored' }];
  });
}

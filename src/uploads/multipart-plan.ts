import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { type ObjectKey, parseOwnKey } from '../contract/object-key.ts';
import { MAX_PARTS, MIN_PART_BYTES } from '../contract/s3-limits.ts';
import type { IdSigner } from './id-signer.ts';

const MIB = 1024 ** 2;

/**
 * How a file is cut: every part has `partSizeBytes` but the last, which has what is left. With `partChecksums` the
 * bucket takes no part without its SHA-256. Where `isOpen`, the client cuts a file of a size that nobody knows:
 * `sizeBytes` is the most it may have, `partSizeBytes` such that no more parts are needed, and no part has a length of
 * its own.
 */
export type MultipartPlan = { sizeBytes: number; partSizeBytes: number; partChecksums: boolean; isOpen?: true };

/** Parts of the wanted size, or as large as it takes to need no more than 10,000, in whole MiB. */
export function planParts(sizeBytes: number, wantedPartBytes: number, partChecksums = false): MultipartPlan {
  const needed = Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
  return { sizeBytes, partSizeBytes: Math.max(wantedPartBytes, needed), partChecksums };
}

/** The plan of a file of unknown size, at most `maxBytes`: as many parts as clients may make of that. */
export function planOpenParts(maxBytes: number): MultipartPlan {
  const partSizeBytes = Math.max(MIN_PART_BYTES, Math.ceil(maxBytes / MAX_PARTS));
  return { sizeBytes: maxBytes, partSizeBytes, partChecksums: false, isOpen: true };
}

/** An empty file has one empty part. */
export function partCount({ sizeBytes, partSizeBytes }: MultipartPlan): number {
  return Math.max(1, Math.ceil(sizeBytes / partSizeBytes));
}

/** The exact length of a part, or null for a number the file does not reach. */
export function partLength(plan: MultipartPlan, partNumber: number): number | null {
  if (partNumber < 1 || partNumber > partCount(plan)) return null;
  return Math.min(plan.partSizeBytes, plan.sizeBytes - (partNumber - 1) * plan.partSizeBytes);
}

/** An upload that was begun: under which key, how it is cut, and the bucket's id of it. */
type BegunUpload = { key: ObjectKey; plan: MultipartPlan; bucketUploadId: string };

/**
 * Of HMAC-SHA256, 128 bits (RFC 2104, section 5: no less than half): in base64url the last character has two of them.
 */
const TAG_BYTES = 16;

/**
 * The upload id that clients get: the bucket's own with the plan in front, since nothing in the bucket tells the size
 * of an upload that is not complete, and signing keeps no state. A tag over key, plan and id keeps the client from
 * writing the plan anew, which would give it URLs of parts of any length: `<size>.<part size>[+kind].<tag>.<id>`.
 */
export function formatUploadId(signer: IdSigner, upload: BegunUpload): string {
  const { sizeBytes, partSizeBytes, partChecksums, isOpen } = upload.plan;
  const plan = `${sizeBytes}.${partSizeBytes}${partChecksums ? '+sha256' : isOpen ? '+open' : ''}`;
  const tag = signer.tag(taggedText(upload.key, plan, upload.bucketUploadId), TAG_BYTES);
  return `${plan}.${tag.toString('base64url')}.${upload.bucketUploadId}`;
}

/** The plan and the bucket's id, or null for what `formatUploadId` never made for this key, with these secrets. */
export function parseUploadId(
  signer: IdSigner,
  key: ObjectKey,
  uploadId: string,
): Pick<BegunUpload, 'plan' | 'bucketUploadId'> | null {
  const [, text = '', size = '', partSize = '', kind, tag = '', bucketUploadId = ''] =
    /^((\d{1,15})\.(\d{1,15})(\+sha256|\+open)?)\.([\w-]{21}[AQgw])\.([!-~]+)$/.exec(uploadId) ?? [];
  if (bucketUploadId === '') return null;
  if (!signer.isTag(taggedText(key, text, bucketUploadId), Buffer.from(tag, 'base64url'))) return null;
  const plan = {
    ...{ sizeBytes: Number(size), partSizeBytes: Number(partSize), partChecksums: kind === '+sha256' },
    ...(kind === '+open' && { isOpen: true as const }),
  };
  return { plan, bucketUploadId };
}

/** None of the three has a line break, so no two of them make the same text. */
function taggedText(key: ObjectKey, plan: string, bucketUploadId: string): string {
  return `upload id\n${key}\n${plan}\n${bucketUploadId}`;
}

export type OpenUpload = { key: ObjectKey; documentType: string | null; plan: MultipartPlan; bucketUploadId: string };

/** The problem of an upload id that is unknown, ended or another key's: the bucket tells them apart no more. */
export function uploadNotFound(): Problem {
  return new Problem('upload-not-found', 'there is no such upload under this key: it was never begun, or has ended');
}

/**
 * An upload in parts that the caller points at. Whether the bucket still has it only the bucket knows.
 * @throws {Problem} `not-your-object`, `upload-not-found` for an id that was not given out for this key.
 */
export function toOpenUpload(
  { config, ids }: { config: Pick<Config, 'keyPrefix'>; ids: IdSigner },
  caller: Caller,
  input: { objectKey: string; uploadId: string },
): OpenUpload {
  const key = parseOwnKey(config.keyPrefix, caller.userId, input.objectKey);
  const upload = key && parseUploadId(ids, key.key, input.uploadId);
  if (key === null || upload === null) throw uploadNotFound();
  return { key: key.key, documentType: key.documentType, ...upload };
}

import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import type { ObjectKey, ParsedKey } from '../contract/object-key.ts';
import { MAX_PARTS, MIN_PART_BYTES } from '../contract/s3-limits.ts';
import type { IdSigner } from './id-signer.ts';
import { ownUploadKey } from './own-upload-key.ts';

const MIB = 1024 ** 2;

/**
 * How a file is split: every part has `partSizeBytes`, the last one the rest. With `partChecksums`, the bucket accepts
 * a part only with its SHA-256. With `isOpen`, the client splits a file of unknown size: `sizeBytes` is the maximum,
 * `partSizeBytes` keeps that within the maximum number of parts, and part lengths are not fixed.
 */
export type MultipartPlan = { sizeBytes: number; partSizeBytes: number; partChecksums: boolean; isOpen?: true };

/** Parts of the wanted size, or of the smallest larger size in whole MiB that needs at most 10,000 parts. */
export function planParts(sizeBytes: number, wantedPartBytes: number, partChecksums = false): MultipartPlan {
  const needed = Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
  return { sizeBytes, partSizeBytes: Math.max(wantedPartBytes, needed), partChecksums };
}

/** The plan of a file of unknown size, at most `maxBytes`. */
export function planOpenParts(maxBytes: number): MultipartPlan {
  const partSizeBytes = Math.max(MIN_PART_BYTES, Math.ceil(maxBytes / MAX_PARTS));
  return { sizeBytes: maxBytes, partSizeBytes, partChecksums: false, isOpen: true };
}

/** An empty file has one empty part. */
export function partCount({ sizeBytes, partSizeBytes }: MultipartPlan): number {
  return Math.max(1, Math.ceil(sizeBytes / partSizeBytes));
}

/** The exact length of a part; null if the file has no such part. */
export function partLength(plan: MultipartPlan, partNumber: number): number | null {
  if (partNumber < 1 || partNumber > partCount(plan)) return null;
  return Math.min(plan.partSizeBytes, plan.sizeBytes - (partNumber - 1) * plan.partSizeBytes);
}

/**
 * An upload that was begun: its key, its plan, the bucket's id for it, and the master key from which the key is derived
 * that every part must carry (SSE-C).
 */
export type BegunUpload = { key: ObjectKey; plan: MultipartPlan; bucketUploadId: string; sseKeyId: string | null };

/** HMAC-SHA256 cut to 128 bits (RFC 2104, section 5: at least half); the last base64url character carries two bits. */
const TAG_BYTES = 16;

/**
 * The upload id that clients get: `<size>.<part size>[+kind][~master key].<tag>.<the bucket's id>`. It carries the plan
 * because signing keeps no state, and the bucket does not know the size of an incomplete upload. The tag authenticates
 * key, plan and id: with a changed plan, a client could get URLs for parts of any length.
 */
export function formatUploadId(signer: IdSigner, upload: BegunUpload): string {
  const { sizeBytes, partSizeBytes } = upload.plan;
  const masterKey = upload.sseKeyId === null ? '' : `~${upload.sseKeyId}`;
  const plan = `${sizeBytes}.${partSizeBytes}${kindOf(upload.plan)}${masterKey}`;
  const tag = signer.tag(taggedText(upload.key, plan, upload.bucketUploadId), TAG_BYTES);
  return `${plan}.${tag.toString('base64url')}.${upload.bucketUploadId}`;
}

function kindOf({ partChecksums, isOpen }: MultipartPlan): string {
  if (partChecksums) return '+sha256';
  return isOpen ? '+open' : '';
}

/** The plan and the bucket's id; null if `formatUploadId` did not make this id for this key with these secrets. */
export function parseUploadId(signer: IdSigner, key: ObjectKey, uploadId: string): Omit<BegunUpload, 'key'> | null {
  const [, text = '', size = '', partSize = '', kind, sseKeyId = null, tag = '', bucketUploadId = ''] =
    /^((\d{1,15})\.(\d{1,15})(\+sha256|\+open)?(?:~([\w-]{1,16}))?)\.([\w-]{21}[AQgw])\.([!-~]+)$/.exec(uploadId) ?? [];
  if (bucketUploadId === '') return null;
  if (!signer.isTag(taggedText(key, text, bucketUploadId), Buffer.from(tag, 'base64url'))) return null;
  const plan = {
    sizeBytes: Number(size),
    partSizeBytes: Number(partSize),
    partChecksums: kind === '+sha256',
    ...(kind === '+open' && { isOpen: true as const }),
  };
  return { plan, bucketUploadId, sseKeyId };
}

/** Unique for each upload: none of the three contains a line break. */
function taggedText(key: ObjectKey, plan: string, bucketUploadId: string): string {
  return `upload id\n${key}\n${plan}\n${bucketUploadId}`;
}

/** The same, with the labels in its key. */
type OpenUpload = BegunUpload & Pick<ParsedKey, 'recordId' | 'documentType'>;

/** The problem for an upload id that is unknown, ended, or of another key: the bucket does not tell them apart. */
export function uploadNotFound(): Problem {
  return new Problem('upload-not-found', 'this key has no such upload: it was never begun, or has ended');
}

/**
 * The upload in parts that the caller names. The bucket may no longer have it.
 * @throws {Problem} `not-your-object`, `upload-not-found` for an id that was not issued for this key.
 */
export function toOpenUpload(
  { config, ids }: { config: Pick<Config, 'store'>; ids: IdSigner },
  caller: Caller,
  input: { objectKey: string; uploadId: string },
): OpenUpload {
  const key = ownUploadKey(config.store, caller, input.objectKey);
  const upload = key && parseUploadId(ids, key.key, input.uploadId);
  if (key === null || upload === null) throw uploadNotFound();
  const { recordId, documentType } = key;
  return { key: key.key, recordId, documentType, ...upload };
}

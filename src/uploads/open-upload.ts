import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';
import { type ObjectKey, parseOwnKey } from '../contract/object-key.ts';
import type { IdSigner } from './id-signer.ts';
import { type MultipartPlan, parseUploadId } from './multipart-plan.ts';

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

import type { Caller } from '../auth/caller.ts';
import type { Store } from '../config/slices.ts';
import { Problem } from '../contract/errors.ts';
import { type ParsedKey, parseOwnKey } from '../contract/object-key.ts';

/**
 * The upload of a key that the caller names: under the caller's prefix, and of the record and the document types that
 * the caller is limited to. Decided from the key alone, so that nothing of another record is even looked at.
 * @returns null for a key under the prefix that the service never signed.
 * @throws {Problem} `not-your-object`.
 */
export function ownUploadKey(
  { keyPrefix }: Pick<Store, 'keyPrefix'>,
  { userId, limits }: Pick<Caller, 'userId' | 'limits'>,
  objectKey: string,
): ParsedKey | null {
  const key = parseOwnKey(keyPrefix, userId, objectKey);
  if (key === null || limits === undefined) return key;
  const { recordId = key.recordId, documentTypes } = limits;
  if (key.recordId !== recordId) {
    throw new Problem('not-your-object', `you may upload to the record ${recordId} only`);
  }
  if (documentTypes !== undefined && !documentTypes.some((allowed) => allowed === key.documentType)) {
    throw new Problem('not-your-object', `you may upload the document types ${documentTypes.join(', ')} only`);
  }
  return key;
}

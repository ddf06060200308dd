import type { ParsedKey } from '../contract/object-key.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { IdSigner } from './id-signer.ts';
import { isMarked } from './mark-file-id.ts';
import { fromMetadata } from './upload-metadata.ts';

/**
 * Whether this service signed an upload for the object, by its metadata or its key. Nothing else may be removed: its
 * owner may have put it by other means.
 */
export function isSignedUpload(ids: IdSigner, key: ParsedKey, { metadata }: Pick<StoredObject, 'metadata'>): boolean {
  return fromMetadata(metadata) !== null || isMarked(ids, key);
}

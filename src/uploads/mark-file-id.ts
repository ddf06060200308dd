import type { ObjectKeyParts } from '../contract/object-key.ts';
import type { IdSigner } from './id-signer.ts';

/** The mark takes 24 of a UUIDv7's 74 random bits; the other 50 keep ids unique within a user and a millisecond. */
const MARK_BYTES = 3;

/** Who begins the upload in the bucket. `client`: it sends CreateMultipartUpload, and completes the upload. */
type Beginner = 'service' | 'client';

/**
 * Replaces the last six digits of a file id by a keyed hash of the whole object key. It lets the service recognise keys
 * that it signed, without storing them.
 * @param parts the key's parts; `fileId` is a new UUIDv7.
 */
export function markFileId(signer: IdSigner, parts: ObjectKeyParts, by: Beginner): string {
  return unmarked(parts.fileId) + signer.tag(markedText(parts, by), MARK_BYTES).toString('hex');
}

/**
 * Whether the service signed an upload under this key, with one of the current secrets, to be begun by `by`. Versions
 * before the mark signed none. An invented key passes with a chance of 1 in 16 million.
 */
export function isMarked(
  signer: IdSigner,
  parts: ObjectKeyParts,
  by: readonly Beginner[] = ['service', 'client'],
): boolean {
  const mark = Buffer.from(parts.fileId.slice(-2 * MARK_BYTES), 'hex');
  return by.some((beginner) => signer.isTag(markedText(parts, beginner), mark));
}

function unmarked(fileId: string): string {
  return fileId.slice(0, -2 * MARK_BYTES);
}

/** Unique for each key: no part contains a line break, and no label is empty. */
function markedText({ userId, recordId, documentType, fileId, fileName }: ObjectKeyParts, by: Beginner): string {
  return `file id by ${by}\n${userId}\n${recordId ?? ''}\n${documentType ?? ''}\n${unmarked(fileId)}\n${fileName}`;
}

import type { ObjectKeyParts } from '../contract/object-key.ts';
import type { IdSigner } from './id-signer.ts';

/** 24 of a UUIDv7's 74 random bits; the other 50 tell the uploads of one user in one millisecond apart. */
const MARK_BYTES = 3;

/** Who begins the upload in the bucket: `client` sends CreateMultipartUpload itself, and completes it. */
type Beginner = 'service' | 'client';

/**
 * The file id with its last six digits replaced by a mark of the whole key, which only the service can make: so a key
 * that was signed for an upload can be told from one that somebody made up, without remembering either.
 * @param parts of the key; `fileId` is a new UUIDv7.
 */
export function markFileId(signer: IdSigner, parts: ObjectKeyParts, by: Beginner): string {
  return unmarked(parts.fileId) + signer.tag(markedText(parts, by), MARK_BYTES).toString('hex');
}

/**
 * Whether an upload was ever signed under this key, to be begun by one of these: by this version of the service or a
 * newer one, with one of the secrets that are set. A made-up key passes once in 16 million.
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

/** No part has a line break, and no label is empty, so no two keys make the same text. */
function markedText({ userId, recordId, documentType, fileId, fileName }: ObjectKeyParts, by: Beginner): string {
  return [`file id by ${by}`, userId, recordId ?? '', documentType ?? '', unmarked(fileId), fileName].join('\n');
}

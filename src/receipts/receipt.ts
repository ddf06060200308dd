import type { StoredFile } from '../client/stored-file.ts';

/** The file's fields in a receipt. None of them changes after the confirmation. */
export const RECEIPT_FIELDS = [
  ...(['fileId', 'objectKey', 'versionId', 'size', 'contentType', 'detectedContentType'] as const),
  ...(['etag', 'checksumSha256', 'createdAt'] as const),
] as const;

/** What a receipt states: this service verified this object, for this owner, at `createdAt`. */
export type Receipt = Pick<StoredFile, (typeof RECEIPT_FIELDS)[number]> & {
  /** The service that signed it: its `RECEIPT_ISSUER`. */
  issuer: string;
  /** The owner of the file. */
  ownerId: string;
  /**
   * Whether the client encrypted the file. Then size and checksum are those of the encrypted bytes, and the content was
   * not examined. It does not state how the file is decrypted, because that changes with a new key.
   */
  encrypted: boolean;
};

/** EdDSA is Ed25519 here. RFC 8037, section 3.1; RFC 7518, section 3.4. */
export const RECEIPT_ALGORITHMS = ['EdDSA', 'ES256'] as const;

/** What a file's envelope says. It is verified only when the file is decrypted. */
export type Envelope = {
  /** Bytes, before encryption. */
  size: number;
  /** As the uploader named it. */
  contentType: string;
  /** Which key decrypts it; null: a password does. */
  keyId: string | null;
};

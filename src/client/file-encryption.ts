import type { Progress } from './progress.ts';
import type { Content } from './transfer.ts';

/** A file's encryption, as it is sent. `envelope` says how to decrypt it; the service keeps it. */
export type EncryptedContent = Content & { envelope: string };

/** What a download wants, in bytes before encryption. */
export type PlainRange = {
  start: number;
  /** One past the last byte; undefined: the end of the file. */
  end: number | undefined;
  onProgress: ((progress: Progress) => void) | undefined;
};

/** Wraps the key of a file, and unwraps it. */
export type KeyWrapping = {
  /** The envelope: the header, and the key wrapped by the newest key or the password. */
  wrap: (fileKey: Uint8Array, header: string) => Promise<string>;
  /** @throws {EncryptionError} `wrong-key`, `unknown-key`, `unsupported`. */
  unwrap: (envelope: string) => Promise<Uint8Array>;
};

/**
 * Encrypts files before they are sent, and decrypts what was downloaded. `withKeys` and `withPassword` of
 * `signpost/encryption` make it; it has no code in this bundle.
 */
export type FileEncryption = {
  /**
   * Encrypts with a new key, while parts are read.
   * @param earlier the envelope of an upload of the same file that an earlier page began: used again if it can be
   * opened.
   */
  encrypt: (file: Blob, contentType: string, earlier?: string) => Promise<EncryptedContent>;
  /**
   * The bytes of a range, each verified before it is given out.
   * @param read reads a range of the stored object.
   * @throws {EncryptionError} `not-encrypted`, `wrong-key`, `unknown-key`, `tampered`, `unsupported`.
   */
  decrypt: (
    file: { encryption: string | null; size: number },
    range: PlainRange,
    read: (start: number, end: number) => AsyncIterable<Uint8Array>,
  ) => AsyncGenerator<Uint8Array, void>;
  wrapping: KeyWrapping;
};

import type { FileEncryption } from '../../../src/client/encryption/with-keys.ts';

/** Byte `i` is `i mod 251`, as in the test vectors. */
export function patternOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => index % 251);
}

/** An object in a bucket, and how it is read: in pieces of any size. */
export type Stored = { size: number; read: (start: number, end: number) => AsyncIterable<Uint8Array> };

export function ofBytes(bytes: Uint8Array, pieceBytes = 10_000): Stored {
  return {
    size: bytes.length,
    async *read(start, end) {
      for (let at = start; at < end; at += pieceBytes) yield bytes.subarray(at, Math.min(at + pieceBytes, end));
    },
  };
}

/** The decrypted bytes of a range. */
export async function collect(
  encryption: FileEncryption,
  envelope: string | null,
  { size, read }: Stored,
  { start = 0, end }: { start?: number; end?: number } = {},
): Promise<Buffer> {
  const range = { start, end, onProgress: undefined };
  const chunks: Uint8Array[] = [];
  for await (const chunk of encryption.decrypt({ encryption: envelope, size }, range, read)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

/** Plain bytes of one chunk; each is followed by the tag of AES-256-GCM. */
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;

/**
 * A data file that is encrypted at rest: AES-256-GCM in chunks. Its key is derived from the customer's and a salt of
 * its own, so a chunk's number can be its nonce: no key ever encrypts two chunks with one nonce, and no chunk can be
 * moved, within a file or to another.
 */
type Sealing = { fileKey: Buffer };

export function sealingOf(customerKey: Buffer, salt: string): Sealing {
  const info = 'local s3 data file';
  return { fileKey: Buffer.from(hkdfSync('sha256', customerKey, Buffer.from(salt, 'base64'), info, 32)) };
}

/** The size on disk of so many plain bytes. */
export function sealedSize(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / CHUNK_BYTES) * TAG_BYTES;
}

/** Where on disk the chunks are that hold these plain bytes, and the number of the first. */
export function sealedRange({ start, end }: { start: number; end: number }, sizeBytes: number) {
  const first = Math.floor(start / CHUNK_BYTES);
  const last = Math.floor(end / CHUNK_BYTES);
  const size = CHUNK_BYTES + TAG_BYTES;
  const diskEnd = Math.min((last + 1) * size, sealedSize(sizeBytes)) - 1;
  return { first, range: { start: first * size, end: diskEnd } };
}

/** Encrypts bytes as they come: passes sealed chunks to `write`; `end` seals the rest. */
export function createSealer({ fileKey }: Sealing, write: (sealed: Buffer) => Promise<void>) {
  let pending = Buffer.alloc(0);
  let index = 0;
  const seal = (chunk: Buffer) => {
    const cipher = createCipheriv('aes-256-gcm', fileKey, nonceOf(index++));
    return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  };
  return {
    async write(bytes: Buffer): Promise<void> {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= CHUNK_BYTES) {
        const chunk = pending.subarray(0, CHUNK_BYTES);
        pending = pending.subarray(CHUNK_BYTES);
        await write(seal(chunk));
      }
    },
    async end(): Promise<void> {
      if (pending.length > 0) await write(seal(pending));
      pending = Buffer.alloc(0);
    },
  };
}

/**
 * Decrypts the chunks of a range, beginning with number `first`, and cuts the wanted bytes out. Throws an Error if a
 * chunk was changed on disk.
 */
export async function* openSealed(
  { fileKey }: Sealing,
  sealed: AsyncIterable<Buffer>,
  first: number,
  wanted: { start: number; end: number },
): AsyncIterable<Buffer> {
  let pending = Buffer.alloc(0);
  let index = first;
  const open = (chunk: Buffer) => {
    const decipher = createDecipheriv('aes-256-gcm', fileKey, nonceOf(index));
    decipher.setAuthTag(chunk.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(chunk.subarray(0, -TAG_BYTES)), decipher.final()]);
    const offset = index++ * CHUNK_BYTES;
    return plain.subarray(Math.max(0, wanted.start - offset), wanted.end - offset + 1);
  };
  for await (const bytes of sealed) {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= CHUNK_BYTES + TAG_BYTES) {
      yield open(pending.subarray(0, CHUNK_BYTES + TAG_BYTES));
      pending = pending.subarray(CHUNK_BYTES + TAG_BYTES);
    }
  }
  if (pending.length > 0) yield open(pending);
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(index), 4);
  return nonce;
}

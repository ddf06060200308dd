import { randomBytes, randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSealer, sealedSize, sealingOf } from '../encryption/sealed-chunks.ts';
import { OWNER_ONLY } from './durable-files.ts';
import type { Store } from './store.ts';

/** Sockets deliver 64 KiB at a time; a disk is faster with fewer, larger writes. */
const WRITE_SIZE_BYTES = 1024 * 1024;

/** A file being written, which no record refers to yet. */
export type IncomingFile = {
  name: string;
  path: string;
  /** Makes the file's own key, if it is encrypted; base64. */
  salt?: string;
  /** The bytes written so far. */
  sizeBytes(): number;
  /** Copies the chunk; resolves when there is room for more. */
  write(chunk: Buffer): Promise<void>;
  /** Returns once all bytes are on disk. */
  finish(): Promise<void>;
  /** Removes the file, unless it was moved away. */
  discard(): Promise<void>;
};

/**
 * Opens a new file in `incoming` for about `expectedBytes` bytes. One buffer fills while the other is written, so that
 * hashing and writing overlap and an upload holds 2 MiB at most.
 * @param key encrypts the file.
 */
export async function openIncomingFile(
  store: Store,
  expectedBytes: number,
  key: Buffer | null = null,
): Promise<IncomingFile> {
  if (key === null) return openPlainFile(store, expectedBytes);
  const plain = await openPlainFile(store, sealedSize(expectedBytes));
  const salt = randomBytes(32).toString('base64');
  const sealer = createSealer(sealingOf(key, salt), plain.write);
  let sizeBytes = 0;
  return {
    ...plain,
    salt,
    sizeBytes: () => sizeBytes,
    async write(chunk) {
      sizeBytes += chunk.length;
      await sealer.write(chunk);
    },
    async finish() {
      await sealer.end();
      await plain.finish();
    },
  };
}

async function openPlainFile(store: Store, expectedBytes: number): Promise<IncomingFile> {
  const name = randomUUID();
  const path = join(store.incoming, name);
  const handle = await open(path, 'wx', OWNER_ONLY);
  let filling: Buffer = Buffer.allocUnsafeSlow(Math.min(expectedBytes, WRITE_SIZE_BYTES));
  let spare: Buffer | null = null;
  let filled = 0;
  let sizeBytes = 0;
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    await writing;
    const full = filling;
    writing = writeAll(full.subarray(0, filled));
    // The failure surfaces at the next flush or finish, which await it.
    writing.catch(() => undefined);
    filling = spare ?? Buffer.allocUnsafeSlow(full.length);
    spare = full;
    filled = 0;
  }

  async function writeAll(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      offset += (await handle.write(bytes, offset, bytes.length - offset)).bytesWritten;
    }
  }

  return {
    name,
    path,
    sizeBytes: () => sizeBytes,
    async write(chunk) {
      sizeBytes += chunk.length;
      for (let offset = 0; offset < chunk.length; ) {
        const copied = chunk.copy(filling, filled, offset);
        filled += copied;
        offset += copied;
        if (filled === filling.length) await flush();
      }
    },
    async finish() {
      await writing;
      await writeAll(filling.subarray(0, filled));
      await handle.sync();
      await handle.close();
    },
    async discard() {
      await writing.catch(() => undefined);
      await handle.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}

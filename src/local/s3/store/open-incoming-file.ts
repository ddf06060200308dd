import { randomBytes, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSealer, sealingOf } from '../encryption/sealed-chunks.ts';
import { OWNER_ONLY, syncFile } from './durable-files.ts';
import type { Store } from './store.ts';

/** Sockets deliver 64 KiB at a time; a disk is faster with fewer, larger writes. */
const WRITE_SIZE_BYTES = 1024 * 1024;
/** So that tiny chunks do not take much more memory than their bytes. */
const WRITE_CHUNKS = 256;

/** A file being written, which no record refers to yet. */
export type IncomingFile = {
  name: string;
  path: string;
  /** Makes the file's own key, if it is encrypted; base64. */
  salt?: string;
  /** The bytes written so far. */
  sizeBytes(): number;
  /** Keeps the chunk, which must not change; resolves when there is room for more. */
  write(chunk: Buffer): Promise<void>;
  /** Returns once all bytes are on disk. */
  finish(): Promise<void>;
  /** Removes the file, unless it was moved away. */
  discard(): Promise<void>;
};

/**
 * Opens a new file in `incoming`. Chunks are collected while earlier ones are written, so that hashing and writing
 * overlap and an upload holds 2 MiB at most. They are written as they came: copying them into larger buffers took a
 * quarter of an upload's CPU time.
 * @param key encrypts the file.
 */
export async function openIncomingFile(store: Store, key: Buffer | null = null): Promise<IncomingFile> {
  const plain = await openPlainFile(store);
  if (key === null) return plain;
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

async function openPlainFile(store: Store): Promise<IncomingFile> {
  const name = randomUUID();
  const path = join(store.incoming, name);
  const handle = await open(path, 'wx', OWNER_ONLY);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let sizeBytes = 0;
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    await writing;
    writing = writeAll(handle, waiting);
    // The failure surfaces at the next flush or finish, which await it.
    writing.catch(() => undefined);
    waiting = [];
    waitingBytes = 0;
  }

  return {
    name,
    path,
    sizeBytes: () => sizeBytes,
    async write(chunk) {
      sizeBytes += chunk.length;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WRITE_SIZE_BYTES || waiting.length === WRITE_CHUNKS) await flush();
    },
    async finish() {
      await flush();
      await writing;
      await syncFile(handle);
      await handle.close();
    },
    async discard() {
      await writing.catch(() => undefined);
      await handle.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}

async function writeAll(handle: FileHandle, chunks: Buffer[]): Promise<void> {
  if (chunks.length === 0) return;
  let { bytesWritten } = await handle.writev(chunks);
  for (const chunk of chunks) {
    // A disk that is nearly full takes only a part.
    while (bytesWritten < chunk.length) bytesWritten += (await handle.write(chunk, bytesWritten)).bytesWritten;
    bytesWritten -= chunk.length;
  }
}

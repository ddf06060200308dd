import { randomUUID } from 'node:crypto';
import { fsync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** True for an error of the file system with this code, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** The mode of every file: other accounts on the machine may not read users' bytes and names. */
export const OWNER_ONLY = 0o600;

/** How many small files are read or removed at once. */
const BATCH_SIZE = 64;

/** The results of `act` for all items, in order; runs one batch at a time. */
export async function mapInBatches<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let index = 0; index < items.length; index += BATCH_SIZE) {
    results.push(...(await Promise.all(items.slice(index, index + BATCH_SIZE).map(act))));
  }
  return results;
}

/** The contents of a small file; null if there is none. */
export async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

const syncDescriptor = promisify(fsync);

/** Makes a file's bytes durable. By its descriptor: under Yarn's Plug'n'Play a `FileHandle` has no `sync`. */
export async function syncFile(handle: FileHandle): Promise<void> {
  await syncDescriptor(handle.fd);
}

/** Makes a directory's entries durable: a rename or a link is only on disk once its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory, and its file systems journal their entries.
  if (platform() === 'win32') return;
  const handle = await open(path);
  try {
    await syncFile(handle);
  } finally {
    await handle.close();
  }
}

/**
 * Publishes a small file atomically: writes and syncs it in `incoming`, then renames it over `target`. Durable once
 * `target`'s directory is synced.
 */
export async function publishFile(incoming: string, target: string, contents: string): Promise<void> {
  await publishDraft(incoming, contents, (draft) => rename(draft, target));
}

/** Writes and syncs a small file in `incoming`, which `publish` moves or links to its place. */
export async function publishDraft(
  incoming: string,
  contents: string,
  publish: (draft: string) => Promise<void> | void,
): Promise<void> {
  const draft = join(incoming, randomUUID());
  try {
    const handle = await open(draft, 'wx', OWNER_ONLY);
    try {
      await handle.writeFile(contents);
      await syncFile(handle);
    } finally {
      await handle.close();
    }
    await publish(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes a file durably; does nothing if there is none. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

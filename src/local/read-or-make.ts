import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDataDirectory } from './make-data-directory.ts';

/**
 * The text of a file in a data directory, which is made once and is readable only by its owner. If several processes
 * start at once, one makes it and all get the same.
 */
export async function readOrMake(path: string, make: () => string): Promise<string> {
  const existing = await readText(path);
  if (existing !== null) return existing;

  await makeDataDirectory(dirname(path));
  const fresh = make();
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, fresh, { mode: 0o600 });
  try {
    // Creating a link is atomic and fails if the file exists: no reader sees half a file, no writer replaces another's.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  return (await readText(path)) ?? fresh;
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

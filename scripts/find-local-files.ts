import { readdir, stat } from 'node:fs/promises';
import { basename, join, posix, relative, resolve, sep } from 'node:path';

/** `folderPath`: the path below the folder that was named, and its name; null for a file that was named itself. */
export type LocalFile = { path: string; size: number; lastModified: number; folderPath: string | null };

/** What was named, or lies in a folder, and cannot be read. */
export type UnreadableFile = { path: string; error: Error };

type Found = { files: LocalFile[]; unreadable: UnreadableFile[] };

/**
 * The files that were named, and all files in the folders that were named. Links inside folders are left out, so that a
 * circle of them does no harm.
 */
export async function findLocalFiles(paths: readonly string[]): Promise<Found> {
  const found: Found = { files: [], unreadable: [] };
  for (const path of paths) {
    try {
      const facts = await stat(path);
      if (facts.isFile()) found.files.push({ path, size: facts.size, lastModified: facts.mtimeMs, folderPath: null });
      else if (facts.isDirectory()) await addFolder(path, path, found);
      else found.unreadable.push({ path, error: new Error('is neither a file nor a folder') });
    } catch (cause) {
      found.unreadable.push({ path, error: unreadable(path, cause) });
    }
  }
  return found;
}

async function addFolder(root: string, folder: string, found: Found): Promise<void> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await addFolder(root, path, found);
      else if (entry.isFile()) await addFile(root, path, found);
    }
  } catch (cause) {
    found.unreadable.push({ path: folder, error: unreadable(folder, cause) });
  }
}

async function addFile(root: string, path: string, found: Found): Promise<void> {
  try {
    const { size, mtimeMs: lastModified } = await stat(path);
    const below = relative(root, path).split(sep).join(posix.sep);
    found.files.push({ path, size, lastModified, folderPath: `${basename(resolve(root))}/${below}` });
  } catch (cause) {
    found.unreadable.push({ path, error: unreadable(path, cause) });
  }
}

/** Node reads a name that is not UTF-8 as another name, with U+FFFD, which it does not find. */
function unreadable(path: string, cause: unknown): Error {
  if (path.includes('\ufffd')) return new Error('cannot be read: its name is not UTF-8', { cause });
  return new Error(`cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

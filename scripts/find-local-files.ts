import { readdir, stat } from 'node:fs/promises';
import { basename, join, posix, relative, sep } from 'node:path';

/** `folderPath`: the path below the folder that was named, and its name; null for a file that was named itself. */
export type LocalFile = { path: string; size: number; lastModified: number; folderPath: string | null };

/**
 * The files that were named, and all files in the folders that were named. Links inside folders are left out, so that a
 * circle of them does no harm.
 * @throws if a path is neither a file nor a folder.
 */
export async function findLocalFiles(paths: readonly string[]): Promise<LocalFile[]> {
  const found: LocalFile[] = [];
  for (const path of paths) {
    const facts = await stat(path).catch((cause: unknown) => {
      throw new Error(`${path}: cannot be read`, { cause });
    });
    if (facts.isFile()) found.push({ path, size: facts.size, lastModified: facts.mtimeMs, folderPath: null });
    else if (facts.isDirectory()) found.push(...(await filesIn(path)));
    else throw new Error(`${path}: is neither a file nor a folder`);
  }
  return found;
}

async function filesIn(folder: string): Promise<LocalFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => {
      const { size, mtimeMs: lastModified } = await stat(path);
      const below = relative(folder, path).split(sep).join(posix.sep);
      return { path, size, lastModified, folderPath: `${basename(folder)}/${below}` };
    }),
  );
}

import { readdir } from 'node:fs/promises';

/** How this store names a bucket's files and folders, by what they are. */
const PATTERNS = {
  /** In `objects`: the SHA-256 of the key. */
  record: /^[0-9a-f]{64}\.json$/,
  /** A folder in `versions`: the SHA-256 of the key. */
  key: /^[0-9a-f]{64}$/,
  /** In such a folder: the id of the version. */
  version: /^(?:[0-9a-f]{40}|null)\.json$/,
  /** In `data`, and a folder in `uploads`. */
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /** In the folder of an upload: the number of a part. */
  part: /^[1-9][0-9]{0,4}\.json$/,
} as const;

/**
 * The names of this kind in a folder, in no order. Other files (`.DS_Store`, `Thumbs.db`, an editor's copy) are neither
 * read nor removed. Throws ENOENT if the folder is missing.
 */
export async function readNames(directory: string, kind: keyof typeof PATTERNS): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => PATTERNS[kind].test(name));
}

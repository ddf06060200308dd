import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getuid } from 'node:process';

/**
 * Creates the data directory, accessible only by its owner; an existing one keeps its mode. Root's directory can be
 * entered, but not listed, by others, because root's database runs as another user in a folder of it.
 * @throws the system's error if it is not a directory, or cannot be made.
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  const mode = getuid?.() === 0 ? 0o711 : 0o700;
  // Node's `recursive` never ends where no directory can be made, as in /proc.
  const make = async (path: string, isRepeated = false): Promise<void> => {
    try {
      await mkdir(path, { mode });
    } catch (error) {
      const isOrphan = error instanceof Error && 'code' in error && error.code === 'ENOENT' && dirname(path) !== path;
      if (isOrphan && !isRepeated) {
        await make(dirname(path));
        await make(path, true);
      } else if (!(await stat(path).catch(() => null))?.isDirectory()) throw error;
    }
  };
  await make(directory);
}

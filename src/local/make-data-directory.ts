import { mkdir } from 'node:fs/promises';
import { getuid } from 'node:process';

/**
 * Creates the data directory, accessible only by its owner; an existing one keeps its mode. Root's directory can be
 * entered, but not listed, by others, because root's database runs as another user in a folder of it.
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: getuid?.() === 0 ? 0o711 : 0o700 });
}

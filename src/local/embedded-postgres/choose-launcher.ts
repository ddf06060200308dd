import { execFile } from 'node:child_process';
import { lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { promisify } from 'node:util';

/** How to run PostgreSQL's programs: what to put in front of a command line, and as whom. */
export type Launcher = { prefix: readonly string[]; uid?: number; gid?: number };

/** The whole environment of these programs: what the service is configured with is none of theirs. */
export const POSTGRES_ENVIRONMENT = { LC_ALL: 'C' };

const NOBODY = 65_534;

/**
 * PostgreSQL refuses to run as root, so root needs somebody else. Where `directory` is another user's, that user.
 * Otherwise a user namespace in which root looks like `nobody` (unshare(1)), since it changes no owner and enters every
 * folder root does; where the kernel or the container allows none, the real `nobody`, who is given `directory`. Anybody
 * but root runs it as they are.
 *
 * Throws an `Error` that says what to do when none of these can run `postgres` on `directory`.
 */
export async function chooseLauncher(directory: string, postgres: string): Promise<Launcher> {
  if (getuid?.() !== 0) return { prefix: [] };
  const failures: unknown[] = [];
  const works = async (launcher: Launcher, prepare = async () => {}) => {
    try {
      await prepare();
      await run(launcher, ['sh', '-c', 'test -w "$1" && exec "$2" --version', 'sh', directory, postgres]);
      return true;
    } catch (error) {
      failures.push(error);
      return false;
    }
  };

  const { uid, gid } = await stat(directory);
  if (uid !== 0) {
    const owner = { prefix: [], uid, gid };
    if (await works(owner)) return owner;
  } else {
    const namespace = { prefix: ['unshare', '-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] };
    if (await works(namespace)) return namespace;
    const nobody = { prefix: [], uid: NOBODY, gid: NOBODY };
    if (await works(nobody, () => giveTo(nobody, directory))) return nobody;
    await giveTo({ uid, gid }, directory);
  }
  throw new Error(
    `PostgreSQL refuses to run as root, and the user ${uid === 0 ? 'nobody' : uid} cannot run it in its stead: they ` +
      `must be able to write ${directory} and to run ${postgres}, or root to make a user namespace (unshare -U). ` +
      'Start the service as an ordinary user, or set DATABASE_URL.',
    { cause: new AggregateError(failures) },
  );
}

/** Runs a program to its end; throws with what it wrote to its standard error when that is a failure. */
export async function run(launcher: Launcher, command: readonly string[]): Promise<void> {
  const { prefix, ...user } = launcher;
  const [program = '', ...args] = [...prefix, ...command];
  await promisify(execFile)(program, args, { ...user, env: POSTGRES_ENVIRONMENT, cwd: '/' });
}

/**
 * Makes a user the owner of a file or a folder with all that is in it; the folder last, so that it tells it is done.
 */
async function giveTo({ uid, gid }: { uid: number; gid: number }, directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true })) await lchown(join(directory, entry), uid, gid);
  await lchown(directory, uid, gid);
}

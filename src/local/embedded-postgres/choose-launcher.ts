import { execFile } from 'node:child_process';
import { lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { promisify } from 'node:util';

/** How to run PostgreSQL's programs: the command prefix and the user. */
export type Launcher = { prefix: readonly string[]; uid?: number; gid?: number };

/** The programs' whole environment, without the service's settings. */
export const POSTGRES_ENVIRONMENT = { LC_ALL: 'C' };

const NOBODY = 65_534;

/**
 * How to run PostgreSQL, which refuses to run as root. Other users run it themselves. Root runs it as the owner of
 * `directory`; if that is root, in a user namespace in which root appears as `nobody` (unshare(1)), which changes no
 * owner and may enter every folder; if the kernel or the container forbids that, as the real `nobody`, who becomes the
 * owner of `directory`.
 *
 * Throws an `Error` that says what to do if none of these can run `postgres` on `directory`.
 */
export async function chooseLauncher(directory: string, postgres: string): Promise<Launcher> {
  if (getuid?.() !== 0) return { prefix: [] };
  const failures: unknown[] = [];
  const canRun = async (launcher: Launcher, prepare = async () => {}) => {
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
    if (await canRun(owner)) return owner;
  } else {
    const namespace = { prefix: ['unshare', '-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] };
    if (await canRun(namespace)) return namespace;
    const nobody = { prefix: [], uid: NOBODY, gid: NOBODY };
    if (await canRun(nobody, () => changeOwner(nobody, directory))) return nobody;
    await changeOwner({ uid, gid }, directory);
  }
  throw new Error(
    `PostgreSQL refuses to run as root, and the user ${uid === 0 ? 'nobody' : uid} cannot run it instead: that ` +
      `user must be able to write ${directory} and to run ${postgres}, or root must be able to create a user ` +
      'namespace (unshare -U). Start the service as an ordinary user, or set DATABASE_URL.',
    { cause: new AggregateError(failures) },
  );
}

/** Runs a program to its end; throws with its standard error if it fails. */
export async function run(launcher: Launcher, command: readonly string[]): Promise<void> {
  const { prefix, ...user } = launcher;
  const [program = '', ...args] = [...prefix, ...command];
  await promisify(execFile)(program, args, { ...user, env: POSTGRES_ENVIRONMENT, cwd: '/' });
}

/** Makes a user the owner of a folder and its contents. The folder comes last: its owner shows that all is done. */
async function changeOwner({ uid, gid }: { uid: number; gid: number }, directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true })) await lchown(join(directory, entry), uid, gid);
  await lchown(directory, uid, gid);
}

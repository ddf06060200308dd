import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Launcher, run } from './choose-launcher.ts';

/** The one role, a superuser. */
export const POSTGRES_USER = 'signpost';

export type Cluster = { dataDirectory: string; password: string };

/**
 * The database cluster in `directory`, created by initdb (PostgreSQL reference, "initdb") if missing. It is built in a
 * temporary folder and renamed, so it is never incomplete. A login needs the password, which only users who may read
 * `directory` know. Throws an `Error` with initdb's message if that fails.
 */
export async function createCluster(
  directory: string,
  { launcher, initdb, log }: { launcher: Launcher; initdb: string; log: (line: string) => void },
): Promise<Cluster> {
  const cluster = join(directory, 'cluster');
  if (await exists(cluster)) {
    for (const entry of await readdir(directory)) {
      if (entry.startsWith(UNFINISHED)) await rm(join(directory, entry), { recursive: true, force: true });
    }
  } else {
    log(`creating a PostgreSQL database in ${directory}`);
    await initialise(await mkdtemp(join(directory, UNFINISHED)), cluster, launcher, initdb);
  }
  return { dataDirectory: join(cluster, 'data'), password: await readFile(join(cluster, 'password'), 'utf8') };
}

const UNFINISHED = 'unfinished-';

async function initialise(unfinished: string, cluster: string, launcher: Launcher, initdb: string): Promise<void> {
  const passwordFile = join(unfinished, 'password');
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (launcher.uid !== undefined && launcher.gid !== undefined) {
    for (const path of [unfinished, passwordFile]) await chown(path, launcher.uid, launcher.gid);
  }
  // PostgreSQL's own C.UTF-8 is the same on every system; an index built with one C library's locale may be wrong with
  // another's.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = [`--username=${POSTGRES_USER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  try {
    await run(launcher, [initdb, '-D', join(unfinished, 'data'), ...access, ...locale]);
    await rename(unfinished, cluster);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process was faster; use its cluster.
    if (await exists(cluster)) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the embedded PostgreSQL cannot create ${cluster}. Set DATABASE_URL. ${reason}`, { cause });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

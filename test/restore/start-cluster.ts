import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** PostgreSQL does not run as root: then it runs as the user of Debian's package. */
const { uid, gid } = (() => {
  if (process.getuid?.() !== 0) return { uid: undefined, gid: undefined };
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
})();

/** Runs one of PostgreSQL's programs in `TEST_PG_BIN`, and returns its output. */
export async function postgresProgram(name: string, args: readonly string[], cwd = tmpdir()): Promise<string> {
  const as = uid === undefined ? {} : { uid, gid };
  const program = join(process.env.TEST_PG_BIN ?? '', name);
  const { stdout } = await run(program, args, { ...as, cwd, maxBuffer: 1 << 26 });
  return stdout;
}

const folders: string[] = [];

/** A folder that PostgreSQL may write to, until `removeFolders`. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signpost-cluster-'));
  folders.push(folder);
  await chmod(folder, 0o777);
  return folder;
}

export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** A separate PostgreSQL with the role of the migrations; its files are in `directory`, made by `initCluster`. */
export async function startCluster({
  directory,
  port,
  settings = [],
}: {
  directory: string;
  port: string;
  settings?: readonly string[];
}) {
  const log = join(directory, '..', `${port}.log`);
  const options = [`-p ${port}`, "-k ''", '-c listen_addresses=127.0.0.1', '-c fsync=off', ...settings].join(' ');
  await postgresProgram('pg_ctl', ['-D', directory, '-w', '-l', log, '-o', options, 'start']);
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    urlOf,
    async query(statement: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
      const client = new pg.Client({ connectionString: urlOf(database) });
      await client.connect();
      try {
        return (await client.query(statement)).rows;
      } finally {
        await client.end();
      }
    },
    stop: async () => void (await postgresProgram('pg_ctl', ['-D', directory, '-m', 'fast', '-w', 'stop'])),
  };
}

export async function initCluster(): Promise<string> {
  const directory = join(await makeFolder(), 'data');
  await postgresProgram('initdb', ['-D', directory, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C']);
  return directory;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid, kill, pid as ownPid } from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/local/embedded-postgres/start-embedded-postgres.ts';

let parent: string;
let directory: string;
let servers: EmbeddedPostgres[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'signpost-postgres-'));
  directory = join(parent, 'data dir – $HOME "ü" 数据', 'x'.repeat(120));
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server.stop();
  await rm(parent, { recursive: true });
});

async function start(log?: (line: string) => void, keepsRunning = false): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory, keepsRunning, ...(log && { log }) });
  servers.push(server);
  return server;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

const pidFile = () => join(directory, 'cluster', 'data', 'postmaster.pid');
const serverPid = async () => Number.parseInt(await readFile(pidFile(), 'utf8'), 10);

describe('startEmbeddedPostgres', () => {
  it('gives a PostgreSQL that keeps its data from one start to the next, in a folder of any name and depth', async () => {
    const first = await start();
    await query(first.url, `create table t as select 'Łódź 📄' as name`);
    await first.stop();
    await expect(query(first.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const second = await start();
    expect(await query(second.url, 'select name from t')).toEqual(['Łódź 📄']);
  });

  it('is UTF-8 in a locale of its own, syncs what is committed, and listens on 127.0.0.1 alone', async () => {
    const { url } = await start();
    const locale = 'select datlocprovider, datlocale from pg_database where datname = current_database()';
    expect(await query(url, locale)).toEqual(['b', 'C.UTF-8']);
    expect(await query(url, 'show server_encoding')).toEqual(['UTF8']);
    expect(await query(url, 'show fsync')).toEqual(['on']);
    expect(await query(url, 'show timezone')).toEqual(['UTC']);
    expect(await query(url, 'show listen_addresses')).toEqual(['127.0.0.1']);
    expect(await query(url, 'show unix_socket_directories')).toEqual(['']);
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const url = new URL((await start()).url);
    expect(url.password).toMatch(/^[\w-]{32}$/);
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(directory)).mode & 0o077).toBe(0);
    expect((await stat(join(directory, 'cluster', 'password'))).mode & 0o077).toBe(0);
  });

  it('gives each folder a password of its own', async () => {
    const first = new URL((await start()).url);
    directory = join(parent, 'second');
    const second = new URL((await start()).url);
    expect(second.password).not.toBe(first.password);
  });

  it('takes over a server that still runs', async () => {
    const first = await start();
    await query(first.url, 'create table t (n int)');
    const lines: string[] = [];
    const second = await start((line) => lines.push(line));
    expect(second.url).toBe(first.url);
    expect(lines).toEqual([`taking over the PostgreSQL that still runs as process ${await serverPid()}`]);
    await second.stop();
    await expect(query(first.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('gives two simultaneous first starts the same server', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    expect(second.url).toBe(first.url);
    expect(await query(first.url, 'select 1')).toEqual([1]);
  });

  it('starts after the server was killed, with all that was committed', async () => {
    const first = await start();
    await query(first.url, 'create table t as select 7 as n');
    kill(await serverPid(), 'SIGKILL');
    const second = await start();
    expect(await query(second.url, 'select n from t')).toEqual([7]);
  });

  it('takes over no server that does not answer, and starts another when that one has ended', async () => {
    const first = await start();
    await query(first.url, 'create table t as select 7 as n');
    const pid = await serverPid();
    kill(pid, 'SIGSTOP');
    const second = start();
    const outcome = Promise.race([second.then(() => 'taken over'), sleep(500).then(() => 'waiting')]);
    expect(await outcome).toBe('waiting');
    kill(pid, 'SIGKILL');
    expect(await query((await second).url, 'select n from t')).toEqual([7]);
  });

  it('starts a server again that was killed, at the same URL, and says so, but none that was stopped', async () => {
    const lines: string[] = [];
    const { url, stop } = await start((line) => lines.push(line), true);
    await query(url, 'create table t as select 7 as n');
    for (const _time of ['once', 'again']) {
      kill(await serverPid(), 'SIGKILL');
      await expect.poll(() => query(url, 'select n from t').catch(() => []), { timeout: 15_000 }).toEqual([7]);
    }
    expect(lines.filter((line) => line.includes('has ended by itself: starting it again'))).toHaveLength(2);
    await stop();
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('starts when the pid file names a process that lives but is something else, and leaves that alone', async () => {
    await (await start()).stop();
    await writeFile(pidFile(), `${ownPid}\n${join(directory, 'cluster', 'data')}\n1\n1\n\nlocalhost\n1 1\nready\n`);
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('starts when the pid file is what a crash of the machine left of one', async () => {
    await (await start()).stop();
    await writeFile(pidFile(), '');
    await utimes(pidFile(), 0, 0);
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('makes a whole database after a start that died while making one, and clears up', async () => {
    await mkdir(join(directory, 'unfinished-abc', 'data', 'base'), { recursive: true });
    await (await start()).stop();
    await start();
    expect(await readdir(directory)).toEqual(['cluster', 'postgres.log']);
  });

  it('says in its error what the server said', async () => {
    await (await start()).stop();
    await writeFile(join(directory, 'cluster', 'data', 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toThrow(/does not start.*database files are incompatible/s);
  });

  describe('stop', () => {
    it('ends open connections', async () => {
      const server = await start();
      const client = new pg.Client({ connectionString: server.url });
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      await client.connect();
      await server.stop();
      await expect
        .poll(() => errors)
        .toMatchObject([{ code: '57P01' }, { message: expect.stringContaining('terminated') }]);
    });

    it('is fine a second time, and when the server is gone already', async () => {
      const first = await start();
      await first.stop();
      await first.stop();
      const second = await start();
      kill(await serverPid(), 'SIGKILL');
      await second.stop();
      expect(await query((await start()).url, 'select 1')).toEqual([1]);
    });
  });
});

describe('the service around it', () => {
  let bundles: string;

  beforeEach(async () => {
    bundles = await mkdtemp(join('node_modules', '.signpost-test-'));
  });

  afterEach(() => rm(bundles, { recursive: true }));

  /** A process of its own that starts the database and then waits: what it prints first is the URL, or the error. */
  async function startInProcess(bundle: string) {
    await build({
      stdin: {
        contents: `
          import { startEmbeddedPostgres } from './src/local/embedded-postgres/start-embedded-postgres.ts';
          const server = startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
          console.log(await server.then(({ url }) => url, (error) => error.message));
          setInterval(() => {}, 1000);`,
        resolveDir: '.',
      },
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    // A process group of its own, as a shell gives to a command.
    const child = spawn('node', [bundle], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface(child.stdout), 'line');
    const killGroup = async (signal: 'SIGINT' | 'SIGKILL') => {
      kill(-(child.pid ?? 0), signal);
      await once(child, 'exit');
    };
    return { line: String(line), killGroup };
  }

  it.each(['SIGINT', 'SIGKILL'] as const)('may end by %s to its process group: the database stays', async (signal) => {
    const { line: url, killGroup } = await startInProcess(join(bundles, 'service.mjs'));
    await query(url, 'create table t as select 7 as n');
    await killGroup(signal);
    expect(await query(url, 'select n from t')).toEqual([7]);
    expect((await start()).url).toBe(url);
  });

  it('is told to set DATABASE_URL where the package is not installed', async () => {
    const { line, killGroup } = await startInProcess(join(parent, 'service.mjs'));
    await killGroup('SIGKILL');
    expect(line).toMatch(/embedded-postgres\/.* is not installed .*Set DATABASE_URL/);
  });
});

// What only root can bring about.
if (getuid?.() === 0) {
  describe('startEmbeddedPostgres as root', () => {
    const SOMEBODY = 65_534;

    it('runs as the owner of the folder, when that is somebody else', async () => {
      await chmod(parent, 0o711);
      directory = join(parent, 'theirs');
      await mkdir(directory);
      await chown(directory, SOMEBODY, SOMEBODY);
      await (await start()).stop();
      await start();
      expect((await stat(join('/proc', String(await serverPid())))).uid).toBe(SOMEBODY);
      expect((await stat(join(directory, 'cluster', 'data'))).uid).toBe(SOMEBODY);
    });

    it('says what to do when that owner cannot reach it', async () => {
      await chmod(parent, 0o700);
      directory = join(parent, 'theirs');
      await mkdir(directory);
      await chown(directory, SOMEBODY, SOMEBODY);
      await expect(start()).rejects.toThrow(/refuses to run as root.*ordinary user, or set DATABASE_URL/);
    });
  });
}

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getuid, kill, pid as ownPid } from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/local/embedded-postgres/start-embedded-postgres.ts';

/** A folder with a database that was started once: a copy of it takes a tenth of the time of making another. */
let template: string;
let parent: string;
let directory: string;
let servers: EmbeddedPostgres[];

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'signpost-postgres-'));
  await (await startEmbeddedPostgres({ directory: template })).stop();
});

afterAll(() => rm(template, { recursive: true }));

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

async function startAgain(log?: (line: string) => void, keepsRunning = false): Promise<EmbeddedPostgres> {
  await copyTemplate();
  return start(log, keepsRunning);
}

async function copyTemplate(): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  execFileSync('cp', ['-a', template, directory]);
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
  it('keeps its data across starts, in a folder with any name and depth', async () => {
    const first = await start();
    await query(first.url, `create table t as select 'Łódź 📄' as name`);
    await first.stop();
    await expect(query(first.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const second = await start();
    expect(await query(second.url, 'select name from t')).toEqual(['Łódź 📄']);
  });

  it('uses UTF-8 and a built-in locale, syncs commits, and listens only on 127.0.0.1', async () => {
    const { url } = await startAgain();
    const locale = 'select datlocprovider, datlocale from pg_database where datname = current_database()';
    expect(await query(url, locale)).toEqual(['b', 'C.UTF-8']);
    expect(await query(url, 'show server_encoding')).toEqual(['UTF8']);
    expect(await query(url, 'show fsync')).toEqual(['on']);
    expect(await query(url, 'show timezone')).toEqual(['UTC']);
    expect(await query(url, 'show listen_addresses')).toEqual(['127.0.0.1']);
    expect(await query(url, 'show unix_socket_directories')).toEqual(['']);
  });

  it('requires the password, which only the owner of the folder can read', async () => {
    const url = new URL((await startAgain()).url);
    expect(url.password).toMatch(/^[\w-]{32}$/);
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(directory)).mode & 0o077).toBe(0);
    expect((await stat(join(directory, 'cluster', 'password'))).mode & 0o077).toBe(0);
  });

  it('creates a separate password for each folder', async () => {
    const first = new URL((await start()).url);
    directory = join(parent, 'second');
    const second = new URL((await start()).url);
    expect(second.password).not.toBe(first.password);
  });

  it('takes over a server that still runs', async () => {
    const first = await startAgain();
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

  it('keeps committed data if the server is killed', async () => {
    const first = await startAgain();
    await query(first.url, 'create table t as select 7 as n');
    kill(await serverPid(), 'SIGKILL');
    const second = await start();
    expect(await query(second.url, 'select n from t')).toEqual([7]);
  });

  it('waits while a running server does not answer, and starts a new one after it ends', async () => {
    const first = await startAgain();
    await query(first.url, 'create table t as select 7 as n');
    const pid = await serverPid();
    kill(pid, 'SIGSTOP');
    const second = start();
    const outcome = Promise.race([second.then(() => 'taken over'), sleep(500).then(() => 'waiting')]);
    expect(await outcome).toBe('waiting');
    kill(pid, 'SIGKILL');
    expect(await query((await second).url, 'select n from t')).toEqual([7]);
  });

  it('restarts a killed server at the same URL and logs it, but not a stopped one', async () => {
    const lines: string[] = [];
    const { url, stop } = await startAgain((line) => lines.push(line), true);
    await query(url, 'create table t as select 7 as n');
    for (const _time of ['once', 'again']) {
      const killed = await serverPid();
      kill(killed, 'SIGKILL');
      // On a busy machine it may take one more connection.
      await expect.poll(() => serverPid().catch(() => killed)).not.toBe(killed);
      await expect.poll(() => query(url, 'select n from t').catch(() => [])).toEqual([7]);
    }
    expect(lines.filter((line) => line.includes('has ended by itself: starting it again'))).toHaveLength(2);
    await stop();
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('starts if the pid file names another live process, which it does not touch', async () => {
    await copyTemplate();
    await writeFile(pidFile(), `${ownPid}\n${join(directory, 'cluster', 'data')}\n1\n1\n\nlocalhost\n1 1\nready\n`);
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('starts if a crash of the machine left an empty pid file', async () => {
    await copyTemplate();
    await writeFile(pidFile(), '');
    await utimes(pidFile(), 0, 0);
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('creates a new database after a start that died halfway, and removes the remains', async () => {
    await mkdir(join(directory, 'unfinished-abc', 'data', 'base'), { recursive: true });
    await (await start()).stop();
    await start();
    expect(await readdir(directory)).toEqual(['cluster', 'postgres.log']);
  });

  it("includes the server's message in its error", async () => {
    await copyTemplate();
    await writeFile(join(directory, 'cluster', 'data', 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toThrow(/does not start.*database files are incompatible/s);
  });

  describe('stop', () => {
    it('ends open connections', async () => {
      const server = await startAgain();
      const client = new pg.Client({ connectionString: server.url });
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      await client.connect();
      await server.stop();
      await expect
        .poll(() => errors)
        .toMatchObject([{ code: '57P01' }, { message: expect.stringContaining('terminated') }]);
    });

    it('succeeds a second time, and if the server has already ended', async () => {
      const first = await startAgain();
      await first.stop();
      await first.stop();
      const second = await start();
      kill(await serverPid(), 'SIGKILL');
      await second.stop();
      expect(await query((await start()).url, 'select 1')).toEqual([1]);
    });
  });
});

describe('the process that starts the database', () => {
  let bundles: string;

  beforeEach(async () => {
    bundles = await mkdtemp(join('node_modules', '.signpost-test-'));
  });

  afterEach(() => rm(bundles, { recursive: true }));

  /** Starts the database in a separate process, which prints the URL or the error, and then waits. */
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
    // In its own process group, like a command that a shell starts.
    const child = spawn('node', [bundle], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface(child.stdout), 'line');
    const killGroup = async (signal: 'SIGINT' | 'SIGKILL') => {
      kill(-(child.pid ?? 0), signal);
      await once(child, 'exit');
    };
    return { line: String(line), killGroup };
  }

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'leaves the database running if %s ends its process group',
    async (signal) => {
      await copyTemplate();
      const { line: url, killGroup } = await startInProcess(join(bundles, 'service.mjs'));
      await query(url, 'create table t as select 7 as n');
      await killGroup(signal);
      expect(await query(url, 'select n from t')).toEqual([7]);
      expect((await start()).url).toBe(url);
    },
  );

  it('gets the advice to set DATABASE_URL if the package is not installed', async () => {
    const { line, killGroup } = await startInProcess(join(parent, 'service.mjs'));
    await killGroup('SIGKILL');
    expect(line).toMatch(/there is no embedded PostgreSQL .*set DATABASE_URL/);
  });
});

// Only root can run these.
if (getuid?.() === 0) {
  describe('startEmbeddedPostgres as root', () => {
    const SOMEBODY = 65_534;

    it('runs as the owner of the folder, if that is not root', async () => {
      await chmod(parent, 0o711);
      directory = join(parent, 'theirs');
      await mkdir(directory);
      await chown(directory, SOMEBODY, SOMEBODY);
      await (await start()).stop();
      await start();
      expect((await stat(join('/proc', String(await serverPid())))).uid).toBe(SOMEBODY);
      expect((await stat(join(directory, 'cluster', 'data'))).uid).toBe(SOMEBODY);
    });

    it('says what to do if that owner cannot enter the folder', async () => {
      await chmod(parent, 0o700);
      directory = join(parent, 'theirs');
      await mkdir(directory);
      await chown(directory, SOMEBODY, SOMEBODY);
      await expect(start()).rejects.toThrow(/refuses to run as root.*ordinary user, or set DATABASE_URL/);
    });
  });
}

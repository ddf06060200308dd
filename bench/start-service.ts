import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '../src/auth/mint-token.ts';
import { parseConfig } from '../src/config/config.ts';
import type { UserId } from '../src/contract/object-key.ts';
import { readDevSecrets } from '../src/local/dev-secrets.ts';

const POLL_MS = 5;
const START_WITHIN_MS = 60_000;

/**
 * Starts the service by `command`, with everything embedded in `dataDir`, or with the database at `databaseUrl`, and
 * with the settings of `env`. `alive` and `ready` are the time from the spawn to the first 200 on `/healthz` and on
 * `/readyz`, and the CPU time until then.
 * @throws {Error} if that takes more than a minute.
 */
export async function startService(
  command: readonly [string, ...string[]],
  dataDir: string,
  databaseUrl = '',
  env: Readonly<NodeJS.ProcessEnv> = {},
) {
  const port = await findFreePort();
  const [file, ...args] = command;
  const startedAt = performance.now();
  // In its own process group, because npm does not forward every signal.
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: dataDir,
      PORT: String(port),
      LOCAL_S3_PORT: '0',
      RATE_LIMIT_PER_MINUTE: '1000000',
      // An empty value counts as unset, and overrides a developer's .env.
      S3_BUCKET_NAME: '',
      S3_ENDPOINT: '',
      DATABASE_URL: databaseUrl,
      JWT_SECRET: '',
      JWT_PUBLIC_KEY: '',
      JWKS_URL: '',
      ...env,
    },
  });
  const pid = child.pid ?? Number.NaN;
  const url = `http://127.0.0.1:${port}`;
  const until = async (path: string) => {
    while (!(await isOk(url + path))) {
      if (performance.now() - startedAt > START_WITHIN_MS || child.exitCode !== null)
        throw new Error('it does not start');
      await sleep(POLL_MS);
    }
    return { ms: performance.now() - startedAt, cpuMs: await cpuMsOf(pid) };
  };
  const alive = await until('/healthz');
  const ready = await until('/readyz');
  const memory = async (field: 'VmRSS' | 'VmHWM') => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  };

  return {
    alive,
    ready,
    port,
    url,
    mint: async (userId = 'bench') => {
      const { jwtSecret: secret } = await readDevSecrets(dataDir);
      const now = () => new Date();
      const scopes = ['files:read', 'files:write'] as const;
      return mintToken(parseConfig({ JWT_SECRET: secret }).auth, {
        userId: userId as UserId,
        scopes,
        ttlSeconds: 3600,
        now,
      });
    },
    rssBytes: () => memory('VmRSS'),
    /** The highest RSS since `forgetPeak`. */
    peakRssBytes: () => memory('VmHWM'),
    forgetPeak: () => writeFile(`/proc/${pid}/clear_refs`, '5'),
    stop: async () => {
      const exited = once(child, 'exit');
      process.kill(-pid, 'SIGTERM');
      await exited;
      while (await isOk(`${url}/healthz`)) await sleep(POLL_MS);
    },
  };
}

/** The CPU time of all threads of a process (proc(5), `schedstat`: nanoseconds). */
async function cpuMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')));
  return spent.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0);
}

async function isOk(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status === 200;
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : Number.NaN;
}

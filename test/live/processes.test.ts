import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/listen.ts';
import { mint, SECRET, startTestBucket } from '../helpers/test-service.ts';
import { readSamples } from '../telemetry/read-samples.ts';
import { type Running, run } from './process.ts';

const ANSWERED = 'signpost_http_request_duration_seconds_count{method="POST",route="/presign-upload",status="200"}';
const BODY = JSON.stringify({ fileName: 'a.txt', contentType: 'text/plain', size: 1 });

describe('WEB_CONCURRENCY=2', () => {
  let dir: string;
  let bucket: Awaited<ReturnType<typeof startTestBucket>>;
  let database: TestDatabase;
  /** A copy of the program `node`, so that it can be taken away. */
  let node: string;
  let service: Running;
  let env: Record<string, string>;
  let token: string;
  let answered = 0;
  beforeAll(async () => {
    [bucket, database, dir] = await Promise.all([
      startTestBucket(),
      createTestDatabase(),
      mkdtemp(join(tmpdir(), 'signpost-processes-')),
    ]);
    await writeFile(join(dir, 'secret'), SECRET);
    const agent = "for (const each of ['ready', { metrics: {} }, { port: '1' }]) process.send?.(each);";
    await writeFile(join(dir, 'agent.cjs'), agent);
    env = {
      NODE_OPTIONS: `--require=${join(dir, 'agent.cjs')}`,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: await freePort(),
      METRICS_PORT: await freePort(),
      ...bucket.env,
      DATABASE_URL: database.url,
      DATABASE_MAX_CONNECTIONS: '5',
      WEB_CONCURRENCY: '2',
      JWT_SECRET_FILE: join(dir, 'secret'),
      RATE_LIMIT_PER_MINUTE: '0',
      KEEP_ALIVE_SECONDS: '1',
    };
    token = await mint('alice', { exp: Math.floor(Date.now() / 1000) + 3600 });
    node = join(dir, 'node');
    await Promise.all([run('node', ['scripts/build.mjs']).ended, copyFile(process.execPath, node)]);
    service = run(node, ['dist/main.js'], env);
    await started(2);
  });
  afterAll(async () => {
    await service?.stop('SIGKILL');
    await Promise.all([database?.drop(), bucket?.close(), rm(dir, { recursive: true, force: true })]);
  });

  const logged = (message: string) =>
    service
      .output()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line));

  /** The ids of the processes that have begun to serve, when there are so many. */
  async function started(count: number): Promise<number[]> {
    await service.until(new RegExp(`(?:"msg":"a process serves"[^]*?){${count}}`));
    return logged('a process serves').map(({ pid }) => pid);
  }

  const presign = (agent: Agent | false) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const options = { agent, method: 'POST', headers: { ...headers, 'content-length': BODY.length } };
      const asking = request(`http://127.0.0.1:${env.PORT}/presign-upload`, options, (response) => {
        response.on('end', () => resolve(response.statusCode)).on('error', reject);
        response.resume();
        answered++;
      });
      asking.on('error', reject);
      asking.end(BODY);
    });

  const countedNow = async () =>
    readSamples(await (await fetch(`http://127.0.0.1:${env.METRICS_PORT}/metrics`)).text());

  it('answers by both, with the metrics of both together, and its share of connections each', async () => {
    const agent = new Agent({ keepAlive: false });
    await Promise.all(Array.from({ length: 40 }, () => presign(agent)));
    expect(new Set(logged('request').map((line) => line.process))).toEqual(new Set([1, 2]));
    expect(await countedNow()).toMatchObject({ [ANSWERED]: answered, signpost_database_waiting: 0 });
    const headers = { authorization: `Bearer ${token}` };
    await Promise.all(
      Array.from({ length: 60 }, () => fetch(`http://127.0.0.1:${env.PORT}/usage`, { headers, keepalive: false })),
    );
    const [connections] = await database.query(
      'select count(*)::int as count from pg_stat_activity where datname = current_database()',
    );
    // Two for requests and one for pings each; and the one of this query.
    expect(connections?.count).toBeLessThanOrEqual(2 * 3 + 1);
  });

  it('restarts on SIGHUP without failing a request, and forgets no count', async () => {
    const stopping = new AbortController();
    const results: unknown[] = [];
    const client = async (agent: Agent | false, pauseMs: number) => {
      while (!stopping.signal.aborted) {
        results.push(await presign(agent).catch((error: unknown) => error));
        if (pauseMs > 0) await sleep(pauseMs);
      }
    };
    const clients = Array.from({ length: 16 }, (_, n) =>
      client(n % 4 === 0 ? false : new Agent({ keepAlive: true, maxSockets: 1 }), n < 8 ? 0 : n),
    );
    await expect.poll(() => results.length).toBeGreaterThan(100);
    service.signal('SIGHUP');
    await service.until(/"msg":"restarted"/);
    stopping.abort();
    await Promise.all(clients);
    expect(new Set(results)).toEqual(new Set([200]));
    expect(new Set(await started(4)).size).toBe(4);
    expect((await countedNow())[ANSWERED]).toBe(answered);
  });

  it('replaces a process that was killed', async () => {
    const [, , , last = 0] = await started(4);
    process.kill(last, 'SIGKILL');
    await started(5);
    expect(logged('a process has ended, and is replaced')).toMatchObject([{ pid: last, signal: 'SIGKILL' }]);
    expect(await presign(false)).toBe(200);
  });

  it('keeps the others while the system makes no process, and replaces it later', async () => {
    const last = (await started(5)).at(-1) ?? 0;
    await rename(node, `${node}.away`);
    process.kill(last, 'SIGKILL');
    await expect.poll(() => logged('a process failed')).not.toEqual([]);
    expect(await presign(false)).toBe(200);
    await rename(`${node}.away`, node);
    await started(6);
  });

  it('keeps the processes that there are where a restart finds settings that are not valid', async () => {
    await rm(join(dir, 'secret'));
    service.signal('SIGHUP');
    await service.until(/the restart ends here: the new process did not start/);
    expect(service.output()).toContain('JWT_SECRET: the file of JWT_SECRET_FILE cannot be read (ENOENT)');
    expect(await presign(false)).toBe(200);
  });

  it('ends where a process cannot be replaced, and says so', async () => {
    const last = (await started(6)).at(-1) ?? 0;
    process.kill(last, 'SIGKILL');
    expect(await service.ended).toEqual({ code: 1, signal: null });
    expect(service.output()).toMatch(/^process \d ended 5 times in a row, each time soon after its start$/m);
  });

  it('stops as one: /readyz answers 503 for SHUTDOWN_DELAY_SECONDS, then every process ends', async () => {
    await writeFile(join(dir, 'secret'), SECRET);
    service = run('node', ['dist/main.js'], { ...env, SHUTDOWN_DELAY_SECONDS: '1' });
    const pids = await started(2);
    const agent = new Agent({ keepAlive: false });
    service.signal('SIGTERM');
    const ready = async () => (await fetch(`http://127.0.0.1:${env.PORT}/readyz`, { keepalive: false })).status;
    await expect.poll(ready).toBe(503);
    expect(await presign(agent)).toBe(200);
    expect(await service.ended).toEqual({ code: 0, signal: null });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('ends where it is stopped while a process is starting', async () => {
    service = run('node', ['dist/main.js'], env);
    await started(1);
    service.signal('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    for (const { pid } of logged('a process serves')) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

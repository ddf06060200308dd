import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SMALL } from './measure-routes.ts';
import { median } from './median.ts';
import { startRoutesServer } from './start-routes-server.ts';
import { findFreePort } from './start-service.ts';

const ROUNDS = 5;
const SECONDS = 2;
const START_WITHIN_MS = 60_000;
const POLL_MS = 50;
/** Of `/proc/<pid>/stat`: proc(5), `sysconf(_SC_CLK_TCK)`. */
const TICK_MICROSECONDS = 10_000;

export type CoresFigures = {
  processes: number;
  perSecond: number;
  /** Of one request, all processes together. */
  cpuMicroseconds: number;
};

/**
 * Presigned uploads by the built program with one process and with two, in turns. Nothing is pinned: processes and load
 * share all cores. The load comes from wrk, which takes 5 µs for a request where `sendRequests` takes 20.
 * @returns medians over the rounds.
 */
export async function measureCores(directory: string): Promise<CoresFigures[]> {
  const around = await startRoutesServer(join(directory, 'cores'));
  const script = join(directory, 'presign.lua');
  await writeFile(script, wrkScript(await around.mint('alice')));
  const services = [await startProgram(directory, 1, around.env), await startProgram(directory, 2, around.env)];
  try {
    const rounds: CoresFigures[][] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const figures: CoresFigures[] = [];
      for (const { processes, port, cpuMicroseconds } of services) {
        const before = await cpuMicroseconds();
        const { count, perSecond } = await wrk(`http://127.0.0.1:${port}/presign-upload`, script);
        figures.push({ processes, perSecond, cpuMicroseconds: ((await cpuMicroseconds()) - before) / count });
      }
      // The first round compiles.
      if (round >= 0) rounds.push(figures);
    }
    return services.map(({ processes }, index) => {
      const middle = (what: keyof CoresFigures) =>
        median(rounds.map((figures) => figures[index]?.[what] ?? Number.NaN));
      return { processes, perSecond: middle('perSecond'), cpuMicroseconds: middle('cpuMicroseconds') };
    });
  } finally {
    for (const { stop } of services) await stop();
    await around.close();
  }
}

function wrkScript(token: string): string {
  return `wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer ${token}"
wrk.body = '${JSON.stringify(SMALL)}'
`;
}

/** @throws {Error} if an answer is not a 200. */
async function wrk(url: string, script: string): Promise<{ count: number; perSecond: number }> {
  const flags = ['--threads', '1', '--connections', '32', '--duration', `${SECONDS}s`, '--script', script];
  const { stdout } = await promisify(execFile)('wrk', [...flags, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  const numberOf = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  return { count: numberOf(/(\d+) requests in/), perSecond: numberOf(/Requests\/sec:\s+([\d.]+)/) };
}

async function startProgram(directory: string, processes: number, settings: NodeJS.ProcessEnv) {
  const path = join(directory, `log-${processes}`);
  const log = await open(path, 'w');
  const port = await findFreePort();
  const child: ChildProcess = spawn(process.execPath, ['dist/main.js'], {
    stdio: ['ignore', log.fd, 'inherit'],
    env: { ...settings, HOST: '127.0.0.1', PORT: String(port), WEB_CONCURRENCY: String(processes) },
  });
  const until = performance.now() + START_WITHIN_MS;
  const linesOf = async (message: string) =>
    (await readFile(path, 'utf8')).split('\n').filter((line) => line.includes(`"msg":"${message}"`));
  while ((await linesOf('listening')).length < processes) {
    if (performance.now() > until || child.exitCode !== null) throw new Error('it does not start');
    await sleep(POLL_MS);
  }
  const kept = (await linesOf('a process serves')).map((line): number => JSON.parse(line).pid);
  return {
    processes,
    port,
    cpuMicroseconds: async () => {
      const times = await Promise.all([...kept, child.pid].map(ticksOf));
      return times.reduce((sum, ticks) => sum + ticks) * TICK_MICROSECONDS;
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await log.close();
    },
  };
}

/** CPU time of a process, user and system. */
async function ticksOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')')).split(' ');
  return Number(user) + Number(system);
}

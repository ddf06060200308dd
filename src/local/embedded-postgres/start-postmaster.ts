import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { kill } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Launcher, POSTGRES_ENVIRONMENT } from './choose-launcher.ts';
import { findPostmaster, isAnswering, isPostmaster, type Postmaster, pidFileOf } from './find-postmaster.ts';

const START_ATTEMPTS = 5;
const RETRY_MILLISECONDS = 300;
/** Recovery after a crash may take a while. */
const READY_TIMEOUT_MILLISECONDS = 60_000;
const STOP_TIMEOUT_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 5;

/** Little memory, enough for one developer. `fsync` stays on. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // A socket's path has at most 107 bytes, and the directory's may be longer.
  unix_socket_directories: '',
  shared_buffers: '16MB',
  max_wal_size: '128MB',
  io_method: 'sync',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export type PostmasterOptions = {
  dataDirectory: string;
  logFile: string;
  launcher: Launcher;
  postgres: string;
  log: (line: string) => void;
  /** Default: a free port. */
  port?: number;
};

/**
 * The server on a data directory: a running one (left behind by a killed service), otherwise a new one, in its own
 * session so that the terminal's Ctrl-C does not reach it. Started without pg_ctl, which passes paths through a shell
 * and checks only ten times a second whether the server is ready.
 *
 * Throws an `Error` with the end of the server's log if it does not start.
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  // Several attempts: another process may take the free port, another start may win, or a server may still be stopping.
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    const running = await untilReady(options.dataDirectory, () => false);
    if (running !== null) {
      options.log(`taking over the PostgreSQL that still runs as process ${running.pid}`);
      return running;
    }
    const child = await spawnPostmaster(options);
    const started = await untilReady(options.dataDirectory, () => child.exitCode === null && child.signalCode === null);
    if (started !== null) return started;
    await sleep(RETRY_MILLISECONDS);
  }
  const lastLines = (await readFile(options.logFile, 'utf8')).trimEnd().split('\n').slice(-5).join('\n');
  throw new Error(`the embedded PostgreSQL does not start. Set DATABASE_URL, or see ${options.logFile}:\n${lastLines}`);
}

/** Shuts down the server on a data directory and waits until it has stopped; no error if there is none. */
export async function stopPostmaster(dataDirectory: string): Promise<void> {
  const postmaster = await findPostmaster(dataDirectory);
  if (postmaster === null) return;
  // Fast, then immediate shutdown (PostgreSQL documentation, section 18.5). After the second it recovers from its log
  // at the next start, as after a crash: nothing committed is lost.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    sendSignal(postmaster.pid, signal);
    for (let waited = 0; waited < STOP_TIMEOUT_MILLISECONDS; waited += POLL_MILLISECONDS) {
      if (!(await isPostmaster(postmaster.pid, dataDirectory))) return;
      await sleep(POLL_MILLISECONDS);
    }
  }
  throw new Error(`the embedded PostgreSQL (process ${postmaster.pid}) does not stop`);
}

async function spawnPostmaster({
  dataDirectory,
  logFile,
  launcher,
  postgres,
  port,
}: PostmasterOptions): Promise<ChildProcess> {
  await removeForeignPidFile(dataDirectory);
  const settings = Object.entries({ ...SETTINGS, port: port ?? (await freePort()) });
  const arguments_ = ['-D', dataDirectory, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const { prefix, ...user } = launcher;
  const [program = '', ...args] = [...prefix, postgres, ...arguments_];
  const output = await open(logFile, 'a', 0o600);
  try {
    const stdio = ['ignore' as const, output.fd, output.fd];
    const child = spawn(program, args, { ...user, env: POSTGRES_ENVIRONMENT, cwd: '/', detached: true, stdio });
    child.unref();
    await once(child, 'spawn');
    return child;
  } finally {
    await output.close();
  }
}

/** Waits until the server accepts connections; null if none runs and `isStarting` returns false. */
async function untilReady(dataDirectory: string, isStarting: () => boolean): Promise<Postmaster | null> {
  const giveUpAt = performance.now() + READY_TIMEOUT_MILLISECONDS;
  while (performance.now() < giveUpAt) {
    const starting = isStarting();
    const postmaster = await findPostmaster(dataDirectory);
    if (postmaster?.ready && (await isAnswering(postmaster.port))) return postmaster;
    if (postmaster === null && !starting) return null;
    await sleep(POLL_MILLISECONDS);
  }
  return null;
}

/**
 * Removes a pid file that would keep PostgreSQL from starting although no server runs: one that names another live
 * process, or an empty one left by a crash of the machine. PostgreSQL itself safely removes one whose process is dead.
 */
async function removeForeignPidFile(dataDirectory: string): Promise<void> {
  const file = pidFileOf(dataDirectory);
  const content = await readFile(file, 'utf8').catch(() => null);
  if (content === null) return;
  // Negative: a server in single-user mode.
  const pid = Math.abs(Number.parseInt(content, 10));
  // A starting server writes its number well within a second.
  const isForeign = pid > 0 ? sendSignal(pid, 0) && !(await isPostmaster(pid, dataDirectory)) : await isOld(file);
  if (isForeign) await rm(file, { force: true });
}

async function isOld(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file);
  return Date.now() - mtimeMs > 1000;
}

/** False if there is no such process (or it is another user's); signal 0 only checks. */
function sendSignal(pid: number, signal: 'SIGINT' | 'SIGQUIT' | 0): boolean {
  try {
    return kill(pid, signal);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../helpers/listen.ts';

/** How long an app may take until it answers, on a machine that does much else. */
const STARTED_WITHIN_MS = 45_000;

const HERE = fileURLToPath(new URL('.', import.meta.url));

export type RunningApp = {
  /** Where the app listens, like `http://127.0.0.1:4711`. */
  url: string;
  /** What it has printed so far. */
  output: () => string;
  stop: () => Promise<void>;
};

/**
 * Starts a program in this folder with a free `PORT`, and waits until Signpost answers below `/uploads`.
 * @param command gets the port.
 * @param options.health the status that its health is to have.
 */
export async function startApp(
  command: (port: string) => [string, ...string[]] | Promise<[string, ...string[]]>,
  env: Record<string, string>,
  { cwd = HERE, health = 200 } = {},
): Promise<RunningApp> {
  const port = await freePort();
  const [program, ...args] = await command(port);
  const { PATH = '', HOME = '' } = process.env;
  // In a group of its own: a framework's command may start further processes.
  const child = spawn(program, args, { cwd, env: { PATH, HOME, ...env, PORT: port }, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  child.on('error', (error) => (output += error));
  const url = `http://127.0.0.1:${port}`;
  const until = performance.now() + STARTED_WITHIN_MS;
  while ((await statusOf(`${url}/uploads/healthz`)) !== health) {
    if (child.exitCode !== null || performance.now() > until) {
      await stop(child);
      throw new Error(`${program} ${args.join(' ')} does not answer:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, output: () => output, stop: () => stop(child) };
}

async function statusOf(url: string): Promise<number | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(STARTED_WITHIN_MS) }).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exited;
}

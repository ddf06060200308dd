import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Running = {
  /** All output so far, standard output and error together. */
  output(): string;
  /** Resolves with the first match in the output; rejects if the process ends without one. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal to the process. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal to the process or, like a terminal, to its whole group; resolves with the result when it ends. */
  stop(
    signal: NodeJS.Signals,
    to?: 'npm' | 'everybody',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** Starts a program in the project's folder, with only PATH of this environment and the given variables. */
export function run(command: string, args: readonly string[], env: Record<string, string> = {}, cwd = ROOT): Running {
  const { PATH = '', HOME = '' } = process.env;
  const child: ChildProcess = spawn(command, args, {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
      child.emit('output');
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return {
    output: () => output,
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output);
          if (match !== null) resolve(match);
        };
        look();
        child.on('output', look);
        ended.then(() => reject(new Error(`it ended without ${pattern}:\n${output}`)), reject);
      }),
    signal: (signal) => void child.kill(signal),
    stop: (signal, to) => {
      try {
        if (to === 'everybody' && child.pid !== undefined) process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch (error) {
        // Its whole group has ended: what the test waited for says why.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
      return ended;
    },
  };
}

/** A developer's shell has settings of other servers, such as Neon's and AWS's. The embedded ones do not need them. */
export const OF_OTHERS = {
  PGHOST: 'ep-cool-1.eu-central-1.aws.neon.tech',
  PGUSER: 'owner',
  PGPASSWORD: 'secret',
  PGDATABASE: 'neondb',
  PGSSLMODE: 'require',
  PGCHANNELBINDING: 'require',
  PGSSLNEGOTIATION: 'direct',
  PGOPTIONS: '-c search_path=other',
  AWS_PROFILE: 'none',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
};

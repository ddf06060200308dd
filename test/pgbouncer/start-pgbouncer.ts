import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../helpers/listen.ts';

const PROGRAM = process.env.TEST_PGBOUNCER ?? 'pgbouncer';

/** 1.21 and newer support named statements, if configured. */
const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' })) ?? [])
  .slice(1)
  .map(Number);
export const KNOWS_NAMES = major > 1 || minor >= 21;

/** It refuses to run as root. */
const asAnother = process.getuid?.() === 0 ? ['--reuid=65534', '--regid=65534', '--clear-groups', '--', PROGRAM] : [];

/**
 * PgBouncer in transaction mode, with few connections to the server for many clients.
 * @param names how many named statements it keeps for each connection, if supported.
 * @returns the URL of the same database through it.
 */
export async function startPgBouncer(serverUrl: string, names = 0) {
  const server = new URL(serverUrl);
  const directory = await mkdtemp(join(tmpdir(), 'signpost-pgbouncer-'));
  await chmod(directory, 0o755);
  const port = await freePort();
  const password = server.password === '' ? '' : ` password=${decodeURIComponent(server.password)}`;
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=${server.hostname} port=${server.port} user=${decodeURIComponent(server.username)}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 500
${KNOWS_NAMES ? `max_prepared_statements = ${names}` : ''}
`,
  );
  await chmod(file, 0o644);
  const [command = PROGRAM, ...args] = asAnother.length > 0 ? ['setpriv', ...asAnother, file] : [PROGRAM, file];
  const bouncer = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(bouncer, 'exit');
  const lines = createInterface({ input: bouncer.stderr });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('process up') && resolve());
    exited.then(() => reject(new Error('pgbouncer ended')), reject);
  });
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    stop: async () => {
      bouncer.kill('SIGINT');
      setTimeout(() => bouncer.kill('SIGKILL'), 5_000).unref();
      await exited;
      await rm(directory, { recursive: true });
    },
  };
}

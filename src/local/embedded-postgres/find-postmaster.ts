import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ANSWER_MILLISECONDS = 1000;

/** Asks for TLS (PostgreSQL documentation, "Message Formats", SSLRequest). The server answers with one byte. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** A running server: its process, its TCP port, and whether it has said that it accepts connections. */
export type Postmaster = { pid: number; port: number; ready: boolean };

/** The file in which PostgreSQL records the server of a data directory. */
export function pidFileOf(dataDirectory: string): string {
  return join(dataDirectory, 'postmaster.pid');
}

/**
 * The server that runs on a data directory, or null. Reads `postmaster.pid` (PostgreSQL documentation, section 66.1;
 * the lines are in `src/include/utils/pidfile.h`), and checks that the process is such a server: after a crash or a
 * reboot, another process may have its number.
 */
export async function findPostmaster(dataDirectory: string): Promise<Postmaster | null> {
  const file = await readFile(pidFileOf(dataDirectory), 'utf8').catch(() => '');
  const [pid, , , port, , , , state] = file.split('\n');
  const postmaster = { pid: Number(pid), port: Number(port), ready: state?.trim() === 'ready' };
  return (await isPostmaster(postmaster.pid, dataDirectory)) ? postmaster : null;
}

/** True while the process is a PostgreSQL server on this data directory. */
export async function isPostmaster(pid: number, dataDirectory: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').includes(dataDirectory);
  } catch {
    if (
      await readFile('/proc/self/cmdline').then(
        () => true,
        () => false,
      )
    )
      return false;
  }
  // No /proc (macOS). `ps` garbles non-ASCII paths there, so only the program is compared.
  const listed = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'comm=']).catch(() => null);
  return listed?.stdout.includes('postgres') ?? false;
}

/**
 * True if PostgreSQL answers on this port. A server that was just killed does not, though its process is still listed.
 */
export function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_MILLISECONDS });
    const settle = (answers: boolean) => () => {
      resolve(answers);
      socket.destroy();
    };
    socket.on('connect', () => socket.write(SSL_REQUEST));
    socket.on('data', settle(true));
    for (const event of ['timeout', 'error', 'close']) socket.on(event, settle(false));
  });
}

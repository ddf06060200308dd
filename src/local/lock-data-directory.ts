import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { kill, pid as ownPid } from 'node:process';
import { promisify } from 'node:util';
import { makeDataDirectory } from './make-data-directory.ts';

const LOCK_NAME = /^service-([1-9][0-9]{0,14})\.lock$/;

/**
 * Locks a data directory for this process, because only one service may use its bucket and its database. A lock left by
 * a killed service or a reboot is taken over; a process is identified by its number and its start time, because numbers
 * are reused.
 *
 * The file `service-<n>.lock` with the highest number names the owner. If that process has ended, the next file is
 * created, which only one process can do, so two never take over at once.
 * @returns a function that releases the lock.
 * @throws {Error} naming the process that holds it.
 */
export async function lockDataDirectory(directory: string): Promise<() => Promise<void>> {
  await makeDataDirectory(directory);
  const draft = join(directory, `service.${randomBytes(6).toString('hex')}`);
  const write = (pid: number, began: string | null) =>
    writeFile(draft, JSON.stringify({ pid, began }), { mode: 0o600, flush: true });
  await write(ownPid, await readStartTime(ownPid));
  let path: string;
  try {
    path = await takeLock(directory, draft);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    // The file is kept so that numbers only grow: otherwise a process that looked earlier could reuse one. If this
    // fails, the lock still ends with this process.
    await write(0, null)
      .then(() => rename(draft, path))
      .catch(() => undefined);
  };
}

async function takeLock(directory: string, draft: string): Promise<string> {
  for (;;) {
    const number = await highestNumber(directory);
    const text = await readFile(lockPath(directory, number), 'utf8').catch(() => '');
    const pid = await runningOwner(text);
    if (pid !== null) throw new Error(`another Signpost (process ${pid}) uses ${directory}; set DATA_DIR`);
    const path = lockPath(directory, number + 1);
    if (!(await createLink(draft, path))) continue;
    if ((await highestNumber(directory)) === number + 1) {
      await rm(lockPath(directory, number), { force: true });
      return path;
    }
    // Too late: others have taken and released it since the check above.
    await rm(path, { force: true });
  }
}

async function highestNumber(directory: string): Promise<number> {
  const numbers = (await readdir(directory)).map((name) => Number(LOCK_NAME.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `service-${number}.lock`);
}

/** Creating a link is atomic and fails if the file exists: exactly one of several processes succeeds. */
async function createLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that wrote this lock, if it still runs; otherwise null. */
async function runningOwner(text: string): Promise<number | null> {
  const [, pid = 0, began] = /^\{"pid":(\d{1,10}),"began":(?:"([^"]*)"|null)\}$/.exec(text) ?? [];
  if (!isRunning(Number(pid))) return null;
  const now = await readStartTime(Number(pid));
  // If uncertain, assume the same process.
  return began === undefined || now === null || began === now ? Number(pid) : null;
}

function isRunning(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    return kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Distinguishes a process from an earlier one with its number; 'ended' for a zombie; null if unknown. */
async function readStartTime(pid: number): Promise<string | null> {
  if (platform() === 'win32') return null;
  try {
    // proc_pid_stat(5): after the name in parentheses, field 3 is the state and field 22 the start time in ticks since
    // boot.
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    return `${boot.trim()} ${fields[19]}`;
  } catch {
    // No /proc (macOS).
    const listed = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'lstart=']).catch(() => null);
    return listed?.stdout.trim() || null;
  }
}

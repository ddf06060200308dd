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
 * Takes a data directory for this process: its bucket and its database are one service's. What a killed service or a
 * restart of the machine left is taken over; a process is known by its number and by when it began, for numbers come
 * again.
 *
 * The file `service-<n>.lock` with the highest number says who has it. Who finds that one ended makes the next, which
 * only one can: so no two take over at once.
 * @returns what lets go of it.
 * @throws {Error} naming the process that has it.
 */
export async function lockDataDirectory(directory: string): Promise<() => Promise<void>> {
  await makeDataDirectory(directory);
  const draft = join(directory, `service.${randomBytes(6).toString('hex')}`);
  const write = (pid: number, began: string | null) =>
    writeFile(draft, JSON.stringify({ pid, began }), { mode: 0o600, flush: true });
  await write(ownPid, await whenBegan(ownPid));
  let path: string;
  try {
    path = await take(directory, draft);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    // Numbers only grow: were the file removed, one who looked before would make a number that was. Where this fails,
    // the end of this process does as well.
    await write(0, null)
      .then(() => rename(draft, path))
      .catch(() => undefined);
  };
}

async function take(directory: string, draft: string): Promise<string> {
  for (;;) {
    const number = await highest(directory);
    const text = await readFile(lockPath(directory, number), 'utf8').catch(() => '');
    const pid = await holder(text);
    if (pid !== null) throw new Error(`another Signpost (process ${pid}) uses ${directory}; set DATA_DIR`);
    const path = lockPath(directory, number + 1);
    if (!(await appears(draft, path))) continue;
    if ((await highest(directory)) === number + 1) {
      await rm(lockPath(directory, number), { force: true });
      return path;
    }
    // Late: others have taken it, and let go of it, since the look above.
    await rm(path, { force: true });
  }
}

async function highest(directory: string): Promise<number> {
  const numbers = (await readdir(directory)).map((name) => Number(LOCK_NAME.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `service-${number}.lock`);
}

/** A link appears whole, and only where nothing is: of several that try, one has it. */
async function appears(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that wrote this and still runs; null when there is none. */
async function holder(text: string): Promise<number | null> {
  const [, pid = 0, began] = /^\{"pid":(\d{1,10}),"began":(?:"([^"]*)"|null)\}$/.exec(text) ?? [];
  if (!isThere(Number(pid))) return null;
  const now = await whenBegan(Number(pid));
  // On a doubt it is the same one.
  return began === undefined || now === null || began === now ? Number(pid) : null;
}

function isThere(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    return kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * What tells a process from an earlier one of its number; 'ended' for one that only waits to be reaped; null unknown.
 */
async function whenBegan(pid: number): Promise<string | null> {
  if (platform() === 'win32') return null;
  try {
    // proc_pid_stat(5): behind the name in parentheses the state (3) and, in ticks since the boot, the beginning (22).
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

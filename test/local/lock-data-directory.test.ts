import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pid as ownPid } from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDirectory } from '../../src/local/lock-data-directory.ts';

let parent: string;
let directory: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'signpost-lock-'));
  directory = join(parent, 'data');
});
afterEach(() => rm(parent, { recursive: true }));

const lockFile = (number = 1) => join(directory, `service-${number}.lock`);

describe('lockDataDirectory', () => {
  it('locks a directory, names the owner in the refusal of others, and can be taken after its release', async () => {
    const release = await lockDataDirectory(directory);
    const refusal = `another Signpost (process ${ownPid}) uses ${directory}; set DATA_DIR`;
    await expect(lockDataDirectory(directory)).rejects.toThrow(refusal);
    await release();
    await lockDataDirectory(directory);
    expect(await readdir(directory)).toEqual(['service-2.lock']);
  });

  it('gives the lock to one of many simultaneous callers', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['service-1.lock']);
  });

  it('creates a directory that only its owner can read', async () => {
    await lockDataDirectory(directory);
    // Root's database runs as another user, who must be able to enter it.
    expect((await stat(directory)).mode & 0o066).toBe(0);
    expect((await stat(lockFile())).mode & 0o777).toBe(0o600);
  });

  it('creates its parents, and fails at once where nothing can be created', async () => {
    const deep = join(parent, 'a', 'b', 'c');
    await lockDataDirectory(deep);
    expect(await readdir(deep)).toEqual(['service-1.lock']);
    await writeFile(join(parent, 'file'), '');
    await expect(lockDataDirectory(join(parent, 'file'))).rejects.toThrow('EEXIST');
    await expect(lockDataDirectory(join(parent, 'file', 'data'))).rejects.toThrow('ENOTDIR');
    // Node's own `mkdir` never ends there.
    await expect(lockDataDirectory('/proc/none/data')).rejects.toThrow(/ENOENT|EROFS/);
  });

  it.each([
    ['a process that has ended', async () => JSON.stringify({ pid: await endedProcess(), began: null })],
    ['a process whose number was reused', async () => JSON.stringify({ pid: ownPid, began: 'another boot 1' })],
    ['an unreadable lock', async () => ''],
  ])('is taken over from %s by exactly one caller', async (_name, content) => {
    await (await lockDataDirectory(directory))();
    await writeFile(lockFile(), await content());
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['service-2.lock']);
    expect(JSON.parse(await readFile(lockFile(2), 'utf8'))).toMatchObject({ pid: ownPid });
  });

  it('is not taken over from a running process whose start time is unknown', async () => {
    await (await lockDataDirectory(directory))();
    await writeFile(lockFile(), JSON.stringify({ pid: ownPid, began: null }));
    await expect(lockDataDirectory(directory)).rejects.toThrow(`process ${ownPid}`);
  });
});

async function endedProcess(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

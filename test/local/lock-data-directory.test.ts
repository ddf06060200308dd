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
  it('gives a directory to one, names that one to the others, and to the next when it let go', async () => {
    const letGo = await lockDataDirectory(directory);
    const refusal = `another Signpost (process ${ownPid}) uses ${directory}; set DATA_DIR`;
    await expect(lockDataDirectory(directory)).rejects.toThrow(refusal);
    await letGo();
    await lockDataDirectory(directory);
    expect(await readdir(directory)).toEqual(['service-2.lock']);
  });

  it('of many at once, to one', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['service-1.lock']);
  });

  it('makes it for its owner alone', async () => {
    await lockDataDirectory(directory);
    // Root's database runs as another user, who has to get through.
    expect((await stat(directory)).mode & 0o066).toBe(0);
    expect((await stat(lockFile())).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['a process that is gone', async () => JSON.stringify({ pid: await goneProcess(), began: null })],
    ['a process whose number came again', async () => JSON.stringify({ pid: ownPid, began: 'another boot 1' })],
    ['nothing readable', async () => ''],
  ])('is taken over from %s, by one of many', async (_name, content) => {
    await (await lockDataDirectory(directory))();
    await writeFile(lockFile(), await content());
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['service-2.lock']);
    expect(JSON.parse(await readFile(lockFile(2), 'utf8'))).toMatchObject({ pid: ownPid });
  });

  it('is not taken over from a process of which nothing else is known', async () => {
    await (await lockDataDirectory(directory))();
    await writeFile(lockFile(), JSON.stringify({ pid: ownPid, began: null }));
    await expect(lockDataDirectory(directory)).rejects.toThrow(`process ${ownPid}`);
  });
});

async function goneProcess(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

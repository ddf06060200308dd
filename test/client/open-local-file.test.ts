import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLocalFiles } from '../../scripts/find-local-files.ts';
import { openLocalFile } from '../../scripts/open-local-file.ts';
import { exitCodeOf } from '../../scripts/remote.ts';
import { SignpostError } from '../../src/client/signpost-error.ts';

const GIB = 1024 ** 3;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signpost-local-'));
  path = join(directory, 'large.bin');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A file of this size whose last bytes are a text; the rest takes no space on the disk. */
async function openSparse(size: number): Promise<File> {
  const handle = await open(path, 'w');
  await handle.write('the end', size - 7);
  await handle.close();
  const [found] = (await findLocalFiles([path])).files;
  if (found === undefined) throw new Error('the file was not found');
  return openLocalFile(found);
}

describe('openLocalFile', () => {
  it.each([1, 4, 5, 300])('opens a file of %i GiB as it is, and reads its slices', async (gib) => {
    const size = gib * GIB;
    const file = await openSparse(size);
    expect([file.size, file.name]).toEqual([size, 'large.bin']);
    expect(await file.slice(size - 7).text()).toBe('the end');
    expect(await file.slice(-10, -4).text()).toBe('\0\0\0the');
    expect((await file.slice(size - 3, size + 9).arrayBuffer()).byteLength).toBe(3);
    expect((await file.slice(0, 65_536).arrayBuffer()).byteLength).toBe(65_536);
    expect([file.slice(9, 3).size, file.slice(size + 1).size, file.slice(0, 0).size]).toEqual([0, 0, 0]);
  });

  it('finds all files of a folder but those that cannot be read, and says which', async () => {
    await mkdir(join(directory, 'b'));
    for (const name of ['a.txt', 'b/c.txt']) await writeFile(join(directory, name), 'text');
    // Linux keeps names as bytes; this one is `\xff.txt`.
    await writeFile(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff]), Buffer.from('.txt')]), 'text');
    const { files, unreadable } = await findLocalFiles([`${directory}/b/..`]);
    const name = basename(directory);
    expect(files.map(({ folderPath }) => folderPath)).toEqual([`${name}/a.txt`, `${name}/b/c.txt`]);
    expect(unreadable).toMatchObject([
      { path: `${directory}/\ufffd.txt`, error: { message: 'cannot be read: its name is not UTF-8' } },
    ]);
  });

  it('fails for itself alone when a file has changed: the service did answer', () => {
    const of = (code: string, status = 0) => new SignpostError({ code, status, detail: '', retryable: false });
    const errors = [of('file-changed'), of('network-error'), of('unexpected-answer', 200), of('file-not-found', 404)];
    expect(errors.map(exitCodeOf)).toEqual([1, 2, 2, 1]);
  });

  it('reads nothing of a file that has changed', async () => {
    for (const gib of [1, 5]) {
      const file = await openSparse(gib * GIB);
      await writeFile(path, 'another');
      await expect(async () => file.slice(0, 7).text()).rejects.toThrow();
    }
  });
});

import { createHook } from 'node:async_hooks';
import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fixture, newClient, startFixture } from './s3-fixture.ts';
import { newVersionedBucket } from './version-bucket.ts';

const started: Fixture[] = [];
afterEach(async () => {
  for (const fixture of started.splice(0).reverse()) await fixture.stop();
});

async function start(options: Parameters<typeof startFixture>[0] = {}) {
  const fixture = await startFixture(options);
  started.push(fixture);
  return fixture;
}

/** A client of one bucket. */
function toolsOf(endpoint: string, Bucket: string) {
  const client = newClient(endpoint);
  return {
    put: (Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: Key })),
    remove: (Key: string) => client.send(new DeleteObjectCommand({ Bucket, Key })),
    async list(MaxKeys?: number) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys }));
      return Contents.map(({ Key }) => Key);
    },
  };
}

/** How often `act` asks for a file or folder; all of this process counts. */
async function countFileRequests(act: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const hook = createHook({ init: (_id, type) => void (type === 'FSREQPROMISE' && count++) }).enable();
  await act();
  hook.disable();
  return count;
}

describe('a listing', () => {
  it('after a start reads only the records of its page', async () => {
    const first = await start();
    const { put } = toolsOf(first.server.url, first.bucket);
    for (let index = 10; index < 50; index++) await put(`k${index}`);
    await first.server.close();

    const second = await start({ directory: first.directory });
    const { list } = toolsOf(second.server.url, first.bucket);
    const pages = [await countFileRequests(() => list(1)), await countFileRequests(() => list(21))];
    expect(pages[0]).toBeLessThan(20);
    expect(pages[1]).toBeGreaterThan(20);
    expect(await list()).toHaveLength(40);
  });

  it('does not read the folder again after writes and deletions of its own process', async () => {
    const { server, bucket, directory } = await start({ onError: () => undefined });
    const { put, remove, list } = toolsOf(server.url, bucket);
    const folder = join(directory, 'buckets', bucket, 'objects');
    await put('b');
    await utimes(folder, 1_700_000_000, 1_700_000_000);
    expect(await list()).toEqual(['b']);
    // A record that cannot be read, and that the folder's time does not tell.
    await mkdir(join(folder, `${'f'.repeat(64)}.json`));
    await utimes(folder, 1_700_000_000, 1_700_000_000);
    await put('a');
    expect(await list()).toEqual(['a', 'b']);
    await remove('b');
    await put('a');
    expect([await list(), await list()]).toEqual([['a'], ['a']]);
    await utimes(folder, 1_700_000_060, 1_700_000_060);
    await expect(list()).rejects.toMatchObject({ name: 'InternalError' });
  });

  it('shows what another process has changed, before and after changes of its own', async () => {
    const one = await start();
    const [mine, other] = [one, await start({ directory: one.directory })].map(({ server }) =>
      toolsOf(server.url, one.bucket),
    );
    if (mine === undefined || other === undefined) throw new Error('two were started');
    const inTurn = async (...changes: (() => Promise<unknown>)[]) => {
      for (const change of changes) {
        await change();
        // Older systems give all changes within a few milliseconds the same time.
        const { mtimeMs } = await stat(join(one.directory, 'buckets', one.bucket, 'objects'));
        const probe = join(one.directory, 'probe');
        const now = () => writeFile(probe, '').then(() => stat(probe));
        await expect.poll(async () => (await now()).mtimeMs).toBeGreaterThan(mtimeMs);
      }
    };
    expect(await mine.list()).toEqual([]);
    await inTurn(() => other.put('b'));
    expect([await mine.list(), await other.list()]).toEqual([['b'], ['b']]);
    await inTurn(
      () => other.put('c'),
      () => mine.put('a'),
      () => other.put('d'),
    );
    expect([await mine.list(), await other.list()]).toEqual(Array(2).fill(['a', 'b', 'c', 'd']));
    await inTurn(
      () => mine.remove('c'),
      () => other.remove('a'),
      () => mine.remove('d'),
    );
    expect([await mine.list(), await other.list()]).toEqual([['b'], ['b']]);
  });

  it.each([null, 'Enabled', 'Suspended'] as const)(
    'has the keys that can be read, after each of many changes with versioning %s',
    async (status) => {
      const { put, remove, list, keys, read } = await newVersionedBucket(await start(), status);
      const removeNewest = async (key: string) => {
        const [newest] = (await list({ Prefix: key })).latest;
        if (newest !== undefined) await remove(key, newest.VersionId);
      };
      const seen = new Set<string>();
      for (const [index, step] of [...'pdpnppddnnpdnpnndpdd'].entries()) {
        const key = 'abc'[index % 3] ?? '';
        if (step === 'p') await put(key, 'bytes');
        else await (step === 'd' ? remove : removeNewest)(key);
        const found = await Promise.all([...'abc'].map(async (name) => (await read(name)) === 'bytes' && name));
        expect(await keys(), `step ${index}: ${step} ${key}`).toEqual(found.filter((name) => name !== false));
        seen.add(found.join());
      }
      expect(seen.size).toBeGreaterThan(3);
    },
  );
});

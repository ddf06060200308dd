import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type ListObjectVersionsCommandInput,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, newClient, outcome, startFixture } from './s3-fixture.ts';
import { signRaw } from './sign-raw.ts';
import { newVersionedBucket } from './version-bucket.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

const newBucket = (status?: 'Enabled' | 'Suspended' | null, fixture = s3) => newVersionedBucket(fixture, status);

describe('a bucket that keeps versions', () => {
  it('reports its status; a bucket without versions reports none', async () => {
    const { Bucket } = await newBucket();
    expect((await s3.client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    const plain = await newBucket(null);
    expect((await s3.client.send(new GetBucketVersioningCommand({ Bucket: plain.Bucket }))).Status).toBeUndefined();
    expect(await plain.put('k', 'x')).toBeUndefined();
    expect((await plain.list()).ids).toEqual(['null']);
  });

  it('gives each version an id, by which it can be read', async () => {
    const { put, read, list } = await newBucket();
    const [first, second] = [await put('k', 'one'), await put('k', 'two')];
    expect(first).toMatch(/^[0-9a-f]{40}$/);
    expect(await Promise.all([read('k'), read('k', first), read('k', second)])).toEqual(['two', 'one', 'two']);
    expect((await list()).ids).toEqual([second, first]);
    expect(await read('k', 'f'.repeat(40))).toBe('NoSuchVersion');
    for (const bad of ['x', '../x', 'F'.repeat(40)]) expect(await read('k', bad)).toBe('InvalidArgument');
  });

  it('hides a deleted object behind a marker, until the marker is removed', async () => {
    const { Bucket, put, read, remove, list, keys } = await newBucket();
    const id = await put('k', 'kept');
    const marker = await remove('k');
    expect(marker.DeleteMarker).toBe(true);
    const answer = await s3.raw(signRaw(s3.server.url, { method: 'GET', path: `/${Bucket}/k` }, KEYS));
    expect([outcome(answer), answer.headers['x-amz-delete-marker']]).toEqual(['404 NoSuchKey', 'true']);
    expect(await read('k', marker.VersionId)).toBe('MethodNotAllowed');
    expect([await read('k', id), await keys()]).toEqual(['kept', []]);
    expect((await list()).latest).toMatchObject([{ VersionId: marker.VersionId }]);
    expect(await remove('k', marker.VersionId)).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId });
    expect([await read('k'), await keys(), (await list()).ids]).toEqual(['kept', ['k'], [id]]);
  });

  it('removes a version permanently, and restores the one before', async () => {
    const { put, read, remove, list, folder } = await newBucket();
    const ids = [await put('k', 'one'), await put('k', 'two'), await put('k', 'three')];
    await remove('k', ids[2]);
    expect([await read('k'), await read('k', ids[2])]).toEqual(['two', 'NoSuchVersion']);
    await remove('k', ids[0]);
    expect((await list()).ids).toEqual([ids[1]]);
    await remove('k', ids[1]);
    expect([await read('k'), (await list()).ids]).toEqual(['NoSuchKey', []]);
    for (const name of ['data', 'objects', 'versions']) expect(await readdir(join(folder, name))).toEqual([]);
  });

  it('keeps an earlier object as version null, which writes replace while suspended', async () => {
    const { keep, put, read, remove, list, folder } = await newBucket(null);
    await put('k', 'before');
    await keep('Enabled');
    const id = await put('k', 'with an id');
    expect([await read('k', 'null'), (await list()).ids]).toEqual(['before', [id, 'null']]);
    await keep('Suspended');
    expect(await put('k', 'suspended')).toBe('null');
    expect([await read('k'), (await list()).ids]).toEqual(['suspended', ['null', id]]);
    expect(await readdir(join(folder, 'data'))).toHaveLength(2);
    expect((await remove('k')).VersionId).toBe('null');
    expect([await read('k'), await read('k', id), (await list()).ids.sort()]).toEqual([
      'NoSuchKey',
      'with an id',
      [id, 'null'].sort(),
    ]);
    expect(await readdir(join(folder, 'data'))).toHaveLength(1);
  });

  it('accepts If-None-Match: * over a marker, but not over an object', async () => {
    const { Bucket, put, remove } = await newBucket();
    await put('k', 'one');
    const once = () => s3.client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two', IfNoneMatch: '*' }));
    await expect(once()).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await remove('k');
    expect((await once()).VersionId).toMatch(/^[0-9a-f]{40}$/);
  });

  it('copies, tags and describes a version', async () => {
    const { Bucket, put, read } = await newBucket();
    const id = (await put('k', 'one')) ?? '';
    await put('k', 'two');
    const version = { Bucket, Key: 'k', VersionId: id };
    const TagSet = [{ Key: 'a', Value: 'b' }];
    await s3.client.send(new PutObjectTaggingCommand({ ...version, Tagging: { TagSet } }));
    expect((await s3.client.send(new GetObjectTaggingCommand(version))).TagSet).toEqual(TagSet);
    expect((await s3.client.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet).toEqual([]);
    expect(await s3.client.send(new HeadObjectCommand(version))).toMatchObject({ ContentLength: 3, VersionId: id });
    const copied = await s3.client.send(
      new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k?versionId=${id}` }),
    );
    expect([copied.CopySourceVersionId, await read('k')]).toEqual([id, 'one']);
  });

  it('deletes versions with DeleteObjects', async () => {
    const { Bucket, put, list } = await newBucket();
    const id = await put('a', 'one');
    await put('b', 'two');
    const Objects = [{ Key: 'a', VersionId: id }, { Key: 'b' }, { Key: 'c', VersionId: 'none' }];
    const answer = await s3.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(answer.Deleted).toMatchObject([
      { Key: 'a', VersionId: id },
      { Key: 'b', DeleteMarker: true },
    ]);
    expect(answer.Errors).toMatchObject([{ Key: 'c', VersionId: 'none', Code: 'InvalidArgument' }]);
    expect((await list()).ids).toHaveLength(2);
  });

  it('cannot be deleted while it contains a version or a marker', async () => {
    const { Bucket, put, remove } = await newBucket();
    const id = await put('k', 'one');
    const { VersionId } = await remove('k');
    const removeBucket = () => s3.client.send(new DeleteBucketCommand({ Bucket }));
    await expect(removeBucket()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    await remove('k', id);
    await expect(removeBucket()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    await remove('k', VersionId);
    await removeBucket();
  });
});

describe('ListObjectVersions', () => {
  it.each([1, 2, 3, 1000])('lists every version once, in pages of %d', async (MaxKeys) => {
    const { put, remove, list } = await newBucket();
    for (const key of ['a', 'b/1', 'b/2', 'c']) for (const text of ['x', 'y', 'z']) await put(key, text);
    await remove('b/1');
    const whole = await list();
    const found: (string | undefined)[] = [];
    let markers: Partial<ListObjectVersionsCommandInput> = {};
    do {
      const { page, ids } = await list({ MaxKeys, ...markers });
      found.push(...ids);
      const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
      markers = page.IsTruncated ? { KeyMarker, VersionIdMarker } : {};
    } while (markers.KeyMarker !== undefined);
    expect(found.sort()).toEqual(whole.ids.sort());
    const rolled = await list({ Delimiter: '/' });
    expect(rolled.page.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
    expect(rolled.ids).toHaveLength(6);
    expect((await list({ Prefix: 'b/' })).ids).toHaveLength(7);
  });
});

describe('any order of writes and deletions', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ act: fc.constant('put' as const) }),
      fc.record({ act: fc.constant('delete' as const) }),
      fc.record({ act: fc.constant('delete version' as const), index: fc.nat(5) }),
      fc.record({ act: fc.constantFrom('Enabled' as const, 'Suspended' as const) }),
    ),
    { maxLength: 12 },
  );

  it('leaves the same versions as a model in memory', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { put, remove, read, keep, list, folder } = await newBucket();
        let status = 'Enabled';
        let model: { id: string | undefined; text: string | null }[] = [];
        for (const [index, step] of all.entries()) {
          if (step.act === 'put' || step.act === 'delete') {
            const text = step.act === 'put' ? `text ${index}` : null;
            const id = text === null ? (await remove('k')).VersionId : await put('k', text);
            expect(id === 'null').toBe(status === 'Suspended');
            model = [{ id, text }, ...model.filter((version) => version.id !== id)];
          } else if (step.act === 'delete version') {
            const version = model[step.index];
            if (version !== undefined) await remove('k', version.id);
            model = model.filter((other) => other !== version);
          } else {
            await keep(step.act);
            status = step.act;
          }
        }
        expect(await read('k')).toBe(model[0]?.text ?? 'NoSuchKey');
        for (const { id, text } of model) expect(await read('k', id)).toBe(text ?? 'MethodNotAllowed');
        const { ids, latest } = await list();
        expect(ids.sort()).toEqual(model.map(({ id }) => id).sort());
        expect(latest.map(({ VersionId }) => VersionId)).toEqual(model.slice(0, 1).map(({ id }) => id));
        expect(await readdir(join(folder, 'data'))).toHaveLength(model.filter(({ text }) => text !== null).length);
      }),
      { numRuns: 25 },
    );
  });
});

describe('files on disk', () => {
  it('that an unfinished change left are ignored, and removed by the next change', async () => {
    const { put, read, remove, list, folder } = await newBucket();
    const [first, second] = [await put('k', 'one'), await put('k', 'two')];
    const [name = ''] = await readdir(join(folder, 'objects'));
    const versions = join(folder, 'versions', name.replace('.json', ''));
    // An unfinished put has kept the old version; an unfinished deletion has written its marker.
    await copyFile(join(folder, 'objects', name), join(versions, `${second}.json`));
    const record = JSON.parse(await readFile(join(folder, 'objects', name), 'utf8'));
    const marker = { key: 'k', versionId: 'f'.repeat(40), sequence: record.sequence + 1, isDeleteMarker: true };
    await writeFile(join(versions, `${marker.versionId}.json`), JSON.stringify({ ...marker, lastModified: '2026' }));
    expect([await read('k'), (await list()).ids]).toEqual(['two', [second, first]]);

    const third = await put('k', 'three');
    expect((await list()).ids).toEqual([third, second, first]);
    await remove('k', third);
    expect([await read('k'), (await list()).ids]).toEqual(['two', [second, first]]);
  });

  it('that belong to no version are removed at the next start', async () => {
    const first = await startFixture();
    const { Bucket, put, remove, folder } = await newBucket('Enabled', first);
    const id = await put('k', 'one');
    await put('k', 'two');
    await remove('k');
    await first.server.close();
    first.client.destroy();
    const data = join(folder, 'data');
    await writeFile(join(data, randomUUID()), 'left by a crash');
    for (const name of await readdir(data)) await utimes(join(data, name), 0, 0);

    const second = await startFixture({ directory: first.directory });
    expect(await readdir(data)).toHaveLength(2);
    const { Body } = await second.client.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: id }));
    expect(await Body?.transformToString()).toBe('one');
    await second.stop();
  });

  it('of an earlier build, without versions, are read unchanged', async () => {
    const old = await startFixture();
    await old.client.send(new PutObjectCommand({ Bucket: old.bucket, Key: 'k', Body: 'old' }));
    await old.server.close();
    old.client.destroy();
    const objects = join(old.directory, 'buckets', old.bucket, 'objects');
    const [name = ''] = await readdir(objects);
    const { versionId: _id, sequence: _sequence, ...record } = JSON.parse(await readFile(join(objects, name), 'utf8'));
    await writeFile(join(objects, name), JSON.stringify(record));
    await mkdir(join(old.directory, 'buckets', old.bucket, 'versions'), { recursive: true });

    const opened = await startFixture({ directory: old.directory });
    const client = newClient(opened.server.url);
    const input = { Bucket: old.bucket, Key: 'k' };
    const { Body, VersionId } = await client.send(new GetObjectCommand(input));
    expect([await Body?.transformToString(), VersionId]).toEqual(['old', undefined]);
    await client.send(
      new PutBucketVersioningCommand({ Bucket: old.bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await client.send(new PutObjectCommand({ ...input, Body: 'new' }));
    const before = await client.send(new GetObjectCommand({ ...input, VersionId: 'null' }));
    expect(await before.Body?.transformToString()).toBe('old');
    client.destroy();
    await opened.stop();
  });
});

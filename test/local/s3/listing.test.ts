import { createHash } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  type DeleteObjectsCommandInput,
  ListObjectsCommand,
  type ListObjectsCommandInput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareKeys } from '../../../src/local/s3/listing/compare-keys.ts';
import { type ListPage, listPage } from '../../../src/local/s3/listing/list-page.ts';
import { type Fixture, KEYS, outcome, startFixture } from './s3-fixture.ts';
import { signRaw } from './sign-raw.ts';

const STORED = ['a', 'a b', 'a+b', 'b/', 'b/1', 'b/2/x', 'b/2/y', 'c/z', 'Z', 'é', '\uffee', '😀'];
const SORTED = ['Z', 'a', 'a b', 'a+b', 'b/', 'b/1', 'b/2/x', 'b/2/y', 'c/z', 'é', '\uffee', '😀'];

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
  for (const Key of STORED) await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: `of ${Key}` }));
});
afterAll(() => s3.stop());

async function list(input: Partial<ListObjectsV2CommandInput> = {}) {
  const page = await s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, ...input }));
  return {
    page,
    keys: (page.Contents ?? []).map(({ Key }) => Key),
    prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
  };
}

async function listAll(input: Partial<ListObjectsV2CommandInput>) {
  const found: (string | undefined)[] = [];
  let token: string | undefined;
  do {
    const { page, keys, prefixes } = await list({ ...input, ...(token && { ContinuationToken: token }) });
    expect(page.KeyCount).toBe(keys.length + prefixes.length);
    expect(page.KeyCount).toBeLessThanOrEqual(input.MaxKeys ?? 1000);
    found.push(...keys, ...prefixes);
    token = page.NextContinuationToken;
    expect(page.IsTruncated).toBe(token !== undefined);
  } while (token !== undefined);
  return found;
}

describe('ListObjects, the first version', () => {
  const listOld = async (input: Partial<ListObjectsCommandInput> = {}) => {
    const page = await s3.client.send(new ListObjectsCommand({ Bucket: s3.bucket, ...input }));
    const keys = (page.Contents ?? []).map(({ Key }) => Key);
    return { page, keys, prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix) };
  };

  it('answers the same keys in the same order, with their owner', async () => {
    const { page, keys } = await listOld();
    expect(keys).toEqual(SORTED);
    expect(page.Contents?.[0]?.Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
    expect([page.MaxKeys, page.IsTruncated, page.Marker, page.NextMarker]).toEqual([1000, false, '', undefined]);
  });

  it.each([1, 2, 3, 5])('answers pages of %d, with and without a delimiter', async (MaxKeys) => {
    for (const Delimiter of [undefined, '/']) {
      const found: (string | undefined)[] = [];
      let Marker: string | undefined;
      do {
        const { page, keys, prefixes } = await listOld({ MaxKeys, Delimiter, Marker });
        found.push(...keys, ...prefixes);
        // Without a delimiter, clients continue from the last key.
        expect(page.NextMarker === undefined).toBe(!page.IsTruncated || Delimiter === undefined);
        Marker = page.IsTruncated ? (page.NextMarker ?? keys.at(-1)) : undefined;
      } while (Marker !== undefined);
      const whole = await list({ Delimiter });
      expect(found.sort()).toEqual([...whole.keys, ...whole.prefixes].sort());
    }
  });
});

describe('ListObjectsV2', () => {
  it('includes owners on request', async () => {
    expect((await list()).page.Contents?.[0]?.Owner).toBeUndefined();
    expect((await list({ FetchOwner: true })).page.Contents?.[0]?.Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
  });

  it('lists all keys in the order of their UTF-8 bytes, with size and ETag', async () => {
    const { page, keys } = await list();
    expect(keys).toEqual(SORTED);
    expect(page.Contents?.[1]).toMatchObject({
      Size: 4,
      ETag: `"${createHash('md5').update('of a').digest('hex')}"`,
      StorageClass: 'STANDARD',
    });
    expect([page.KeyCount, page.MaxKeys, page.IsTruncated]).toEqual([STORED.length, 1000, false]);
  });

  it.each<[string, Partial<ListObjectsV2CommandInput>, string[], string[]]>([
    ['a prefix', { Prefix: 'b/' }, ['b/', 'b/1', 'b/2/x', 'b/2/y'], []],
    ['a prefix and a delimiter', { Prefix: 'b/', Delimiter: '/' }, ['b/', 'b/1'], ['b/2/']],
    ['a delimiter', { Delimiter: '/' }, ['Z', 'a', 'a b', 'a+b', 'é', '\uffee', '😀'], ['b/', 'c/']],
    [
      'a space as delimiter',
      { Delimiter: ' ' },
      ['Z', 'a', 'a+b', 'b/', 'b/1', 'b/2/x', 'b/2/y', 'c/z', 'é', '\uffee', '😀'],
      ['a '],
    ],
    ['a start after a key', { StartAfter: 'b/1', Prefix: 'b' }, ['b/2/x', 'b/2/y'], []],
    ['a start after a missing key', { StartAfter: 'b/10', Prefix: 'b' }, ['b/2/x', 'b/2/y'], []],
    ['a start within a common prefix', { StartAfter: 'b/1', Delimiter: '/' }, ['é', '\uffee', '😀'], ['c/']],
    ['a start after the last key', { StartAfter: 'zzz', Prefix: 'b' }, [], []],
    ['an unused prefix', { Prefix: 'nothing' }, [], []],
    ['a page of 0 keys', { MaxKeys: 0 }, [], []],
  ])('lists keys with %s', async (_name, input, keys, prefixes) => {
    const answer = await list(input);
    expect([answer.keys, answer.prefixes]).toEqual([keys, prefixes]);
    expect(answer.page.IsTruncated).toBe(false);
  });

  it.each([1, 2, 3, 5, 11, 12])('answers the same in pages of %i', async (MaxKeys) => {
    expect(await listAll({ MaxKeys })).toEqual(SORTED);
    const rolled = await listAll({ MaxKeys, Delimiter: '/' });
    expect(rolled.toSorted()).toEqual(['Z', 'a', 'a b', 'a+b', 'b/', 'c/', 'é', '\uffee', '😀'].toSorted());
  });

  it('encodes keys as a form does, on request', async () => {
    const { keys, page } = await list({ EncodingType: 'url', Prefix: 'a' });
    expect([keys, page.EncodingType]).toEqual([['a', 'a+b', 'a%2Bb'], 'url']);
    expect((await list({ EncodingType: 'url', Prefix: 'é' })).keys).toEqual(['%C3%A9']);
  });

  it('shows writes and deletions at once', async () => {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'new', Body: '' }));
    expect((await list({ Prefix: 'new' })).keys).toEqual(['new']);
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'new', Body: 'more' }));
    expect((await list({ Prefix: 'new' })).page.Contents?.[0]?.Size).toBe(4);
    await s3.client.send(
      new DeleteObjectsCommand({
        Bucket: s3.bucket,
        Delete: { Objects: [{ Key: 'new' }] },
        ChecksumAlgorithm: 'CRC32',
      }),
    );
    expect((await list({ Prefix: 'new' })).keys).toEqual([]);
  });

  it('shows them also after the folder of the records has not changed for long', async () => {
    const folder = join(s3.directory, 'buckets', s3.bucket, 'objects');
    const listLater = async (changedAt: number) => {
      await utimes(folder, changedAt, changedAt);
      return [(await list({ Prefix: 'late' })).keys, (await list({ Prefix: 'late' })).keys];
    };
    expect(await listLater(1_700_000_000)).toEqual([[], []]);
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'late', Body: '' }));
    expect((await list({ Prefix: 'late' })).keys).toEqual(['late']);
    expect(await listLater(1_700_000_060)).toEqual([['late'], ['late']]);
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'late' }));
    expect((await list({ Prefix: 'late' })).keys).toEqual([]);
  });

  it.each<[string, Partial<ListObjectsV2CommandInput>]>([
    ['a malformed token', { ContinuationToken: 'nonsense!' }],
    ['a negative page size', { MaxKeys: -1 }],
    ['an unknown encoding', { EncodingType: 'xml' as 'url' }],
  ])('refuses %s', async (_name, input) => {
    await expect(list(input)).rejects.toMatchObject({ name: 'InvalidArgument' });
  });
});

describe('listPage', () => {
  const characters = fc.constantFrom('a', 'b', '/', 'é', '\uffee', '😀');
  const text = fc.string({ unit: characters, maxLength: 4 });

  it('orders as UTF-8 does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed());
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('returns the same keys in pages of any size', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: characters, minLength: 1, maxLength: 4 })),
        text,
        text,
        fc.integer({ min: 1, max: 5 }),
        (keys, prefix, delimiter, size) => {
          const items = keys.map((key) => ({ key }));
          const query = { prefix, delimiter, marker: '', maxKeys: 1000 };
          const whole = listPage(items, query);
          const found: string[][] = [[], []];
          for (let marker: string | null = ''; marker !== null; ) {
            const page: ListPage<{ key: string }> = listPage(items, { ...query, marker, maxKeys: size });
            found[0]?.push(...page.items.map(({ key }) => key));
            found[1]?.push(...page.commonPrefixes);
            expect(page.items.length + page.commonPrefixes.length).toBeLessThanOrEqual(size);
            marker = page.next;
          }
          expect(found).toEqual([whole.items.map(({ key }) => key), whole.commonPrefixes]);
          const rolled = keys.filter((key) => whole.commonPrefixes.some((common) => key.startsWith(common)));
          const all = new Set([...whole.items.map(({ key }) => key), ...rolled]);
          expect(all).toEqual(new Set(keys.filter((key) => key.startsWith(prefix))));
        },
      ),
    );
  });
});

describe('DeleteObjects', () => {
  async function remove(Delete: DeleteObjectsCommandInput['Delete']) {
    return s3.client.send(new DeleteObjectsCommand({ Bucket: s3.bucket, Delete, ChecksumAlgorithm: 'CRC32' }));
  }

  it('reports existing and missing keys as deleted, and each failure', async () => {
    for (const Key of ['d1', 'd2', 'd&<3>']) {
      await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: 'x' }));
    }
    const Objects = [
      { Key: 'd1' },
      { Key: 'd2', ETag: '"other"' },
      { Key: 'd&<3>' },
      { Key: 'd4', VersionId: 'v1' },
      { Key: 'd5' },
    ];
    const answer = await remove({ Objects });
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(['d1', 'd&<3>', 'd5']);
    expect(answer.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([
      ['d2', 'PreconditionFailed'],
      ['d4', 'InvalidArgument'],
    ]);
    expect((await list({ Prefix: 'd' })).keys).toEqual(['d2']);
  });

  it('reports only failures if quiet', async () => {
    const answer = await remove({ Objects: [{ Key: 'q1' }, { Key: 'q2', ETag: '"x"' }], Quiet: true });
    expect([answer.Deleted, answer.Errors?.map(({ Code }) => Code)]).toEqual([undefined, ['NoSuchKey']]);
  });

  it('accepts at most 1,000 keys', async () => {
    const Objects = Array.from({ length: 1001 }, (_, index) => ({ Key: `many-${index}` }));
    expect((await remove({ Objects: Objects.slice(0, 1000) })).Deleted).toHaveLength(1000);
    await expect(remove({ Objects })).rejects.toMatchObject({ name: 'MalformedXML' });
  });

  it('refuses a body without a digest, with a wrong digest, or that is not a list of keys', async () => {
    async function post(text: string, headers: Record<string, string>) {
      const request = { method: 'POST', path: `/${s3.bucket}?delete`, headers, body: Buffer.from(text) };
      return outcome(await s3.raw(signRaw(s3.server.url, request, KEYS)));
    }
    const good = '<Delete><Object><Key>k</Key></Object></Delete>';
    const digest = (text: string) => ({ 'content-md5': createHash('md5').update(text).digest('base64') });
    expect(await post(good, {})).toBe('400 InvalidRequest');
    expect(await post(good, digest('other'))).toBe('400 BadDigest');
    expect(await post(good, digest(good))).toBe('200');
    for (const bad of ['<Delete></Delete>', '<Delete><Object></Object></Delete>', '<Other/>', 'x', '']) {
      expect(await post(bad, digest(bad))).toBe('400 MalformedXML');
    }
  });
});

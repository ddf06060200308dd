import { createHash } from 'node:crypto';
import {
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
        // Without a delimiter S3 leaves it to the client to go on from the last key.
        expect(page.NextMarker === undefined).toBe(!page.IsTruncated || Delimiter === undefined);
        Marker = page.IsTruncated ? (page.NextMarker ?? keys.at(-1)) : undefined;
      } while (Marker !== undefined);
      const whole = await list({ Delimiter });
      expect(found.sort()).toEqual([...whole.keys, ...whole.prefixes].sort());
    }
  });
});

describe('ListObjectsV2', () => {
  it('tells owners when it is asked to', async () => {
    expect((await list()).page.Contents?.[0]?.Owner).toBeUndefined();
    expect((await list({ FetchOwner: true })).page.Contents?.[0]?.Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
  });

  it('answers all keys in the order of their UTF-8 bytes, with what HEAD would say', async () => {
    const { page, keys } = await list();
    expect(keys).toEqual(SORTED);
    expect(page.Contents?.[1]).toMatchObject({
      Size: 4,
      ETag: `"${createHash('md5').update('of a').digest('hex')}"`,
      StorageClass: 'STANDARD',
    });
    expect([page.KeyCount, page.MaxKeys, page.IsTruncated]).toEqual([STORED.length, 1000, false]);
  });

  it.each<[Partial<ListObjectsV2CommandInput>, string[], string[]]>([
    [{ Prefix: 'b/' }, ['b/', 'b/1', 'b/2/x', 'b/2/y'], []],
    [{ Prefix: 'b/', Delimiter: '/' }, ['b/', 'b/1'], ['b/2/']],
    [{ Delimiter: '/' }, ['Z', 'a', 'a b', 'a+b', 'é', '\uffee', '😀'], ['b/', 'c/']],
    [{ Delimiter: ' ' }, ['Z', 'a', 'a+b', 'b/', 'b/1', 'b/2/x', 'b/2/y', 'c/z', 'é', '\uffee', '😀'], ['a ']],
    [{ StartAfter: 'b/1', Prefix: 'b' }, ['b/2/x', 'b/2/y'], []],
    [{ StartAfter: 'b/10', Prefix: 'b' }, ['b/2/x', 'b/2/y'], []],
    [{ StartAfter: 'b/1', Delimiter: '/' }, ['é', '\uffee', '😀'], ['c/']],
    [{ StartAfter: 'zzz', Prefix: 'b' }, [], []],
    [{ Prefix: 'nothing' }, [], []],
    [{ MaxKeys: 0 }, [], []],
  ])('answers %j', async (input, keys, prefixes) => {
    const answer = await list(input);
    expect([answer.keys, answer.prefixes]).toEqual([keys, prefixes]);
    expect(answer.page.IsTruncated).toBe(false);
  });

  it.each([1, 2, 3, 5, 11, 12])('answers the same in pages of %i', async (MaxKeys) => {
    expect(await listAll({ MaxKeys })).toEqual(SORTED);
    const rolled = await listAll({ MaxKeys, Delimiter: '/' });
    expect(rolled.toSorted()).toEqual(['Z', 'a', 'a b', 'a+b', 'b/', 'c/', 'é', '\uffee', '😀'].toSorted());
  });

  it('encodes keys as a form does where asked', async () => {
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

  it.each<Partial<ListObjectsV2CommandInput>>([
    { ContinuationToken: 'nonsense!' },
    { MaxKeys: -1 },
    { EncodingType: 'xml' as 'url' },
  ])('refuses %j', async (input) => {
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

  it('gives the same in pages of any size', () => {
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

  it('deletes what is there, says so of what is not, and reports each failure', async () => {
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

  it('says nothing of successes when quiet', async () => {
    const answer = await remove({ Objects: [{ Key: 'q1' }, { Key: 'q2', ETag: '"x"' }], Quiet: true });
    expect([answer.Deleted, answer.Errors?.map(({ Code }) => Code)]).toEqual([undefined, ['NoSuchKey']]);
  });

  it('takes 1,000 keys and no more', async () => {
    const Objects = Array.from({ length: 1001 }, (_, index) => ({ Key: `many-${index}` }));
    expect((await remove({ Objects: Objects.slice(0, 1000) })).Deleted).toHaveLength(1000);
    await expect(remove({ Objects })).rejects.toMatchObject({ name: 'MalformedXML' });
  });

  it('refuses a body without its digest, with a wrong one, or that is no such list', async () => {
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

import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { GetObjectCommand, GetObjectTaggingCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readForm } from '../../../src/local/s3/post/read-form.ts';
import { type Fixture, KEYS, outcome, type RawAnswer, startFixture } from './s3-fixture.ts';
import { encodeForm, exactConditions, type FormFile, signForm } from './sign-form.ts';

const FILE: FormFile = { name: 'höllo "1".txt', type: 'text/html', body: 'hello' };

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is a variable of S3's
const VARIABLE = '${filename}';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

type Change = {
  conditions?: unknown[];
  policy?: Record<string, unknown>;
  after?: Record<string, string | undefined>;
  file?: FormFile | null;
  headers?: Record<string, string>;
};

/** A form whose policy names every field exactly, changed after it was signed. */
async function post(fields: Record<string, string>, change: Change = {}): Promise<RawAnswer> {
  const conditions = change.conditions ?? exactConditions(s3.bucket, fields);
  const signed = Object.entries({ ...signForm(KEYS, fields, conditions, change.policy), ...change.after });
  const sent = signed.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { headers, body } = encodeForm(Object.fromEntries(sent), change.file === undefined ? FILE : change.file);
  return s3.raw({ method: 'POST', path: `/${s3.bucket}`, headers: { ...headers, ...change.headers }, body });
}

async function read(Key: string) {
  const { Body, ...head } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
  return { ...head, body: Buffer.from((await Body?.transformToByteArray()) ?? []) };
}

async function dataFiles(): Promise<string[]> {
  return readdir(join(s3.directory, 'buckets', s3.bucket, 'data'));
}

describe('POST Object', () => {
  it('stores the file with the headers, metadata and tags in the form', async () => {
    const answer = await post({
      key: 'form/höllo',
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'x-amz-meta-name': 'Verträge',
      tagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
      acl: 'private',
      submit: 'Send',
    });
    expect(outcome(answer)).toBe('204');
    expect(answer.headers.etag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(answer.headers.location).toBe(`${s3.server.url}/${s3.bucket}/form/h%C3%B6llo`);
    const object = await read('form/höllo');
    expect(object).toMatchObject({ ETag: answer.headers.etag, ContentType: 'text/plain', CacheControl: 'no-cache' });
    expect(object.body.toString()).toBe('hello');
    expect(object.Metadata).toEqual({ name: Buffer.from('Verträge').toString('latin1') });
    const tags = await s3.client.send(new GetObjectTaggingCommand({ Bucket: s3.bucket, Key: 'form/höllo' }));
    expect(tags.TagSet).toEqual([{ Key: 'a', Value: 'b' }]);
  });

  it('accepts a form sent by fetch and FormData', async () => {
    const fields = { key: `fetched/${VARIABLE}` };
    const form = new FormData();
    const conditions = [{ bucket: s3.bucket }, ['starts-with', '$key', 'fetched/']];
    for (const [name, value] of Object.entries(signForm(KEYS, fields, conditions))) form.append(name, value);
    const bytes = randomBytes(300_000);
    form.append('file', new Blob([bytes]), FILE.name);
    const answer = await fetch(`${s3.server.url}/${s3.bucket}/`, { method: 'POST', body: form });
    expect(answer.status).toBe(204);
    expect((await read(`fetched/${FILE.name}`)).body.equals(bytes)).toBe(true);
  });

  it('answers 201 with a document, 200, or 204 for any other requested status', async () => {
    const answer = await post({ key: 'a&b', success_action_status: '201' });
    expect(answer.status).toBe(201);
    expect(answer.body.toString()).toContain(
      `<Location>${s3.server.url}/${s3.bucket}/a%26b</Location><Bucket>${s3.bucket}</Bucket><Key>a&amp;b</Key><ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag>`,
    );
    expect((await post({ key: 'k', success_action_status: '200' })).status).toBe(200);
    expect((await post({ key: 'k', success_action_status: '418' })).status).toBe(204);
  });

  it('redirects to the URL in the form, and ignores one that is not http', async () => {
    const answer = await post({ key: 'ü', success_action_redirect: 'https://example.com/done?a=b' });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe(
      `https://example.com/done?a=b&bucket=${s3.bucket}&key=%C3%BC&etag=%225d41402abc4b2a76b9719d911017c592%22`,
    );
    expect((await post({ key: 'k', success_action_redirect: 'javascript:alert(1)' })).status).toBe(204);
  });

  it.each([
    ['C:\\dir\\a.txt', 'a.txt'],
    ['dir/b.txt', 'b.txt'],
    ['%22c%22.txt', '"c".txt'],
    ['$&$1.txt', '$&$1.txt'],
  ])('replaces the variable with the file name %s', async (name, expected) => {
    const conditions = [{ bucket: s3.bucket }, ['eq', '$key', `named/${expected}`]];
    const answer = await post({ key: `named/${VARIABLE}` }, { conditions, file: { ...FILE, name } });
    expect(outcome(answer)).toBe('204');
    expect((await read(`named/${expected}`)).body.toString()).toBe('hello');
  });

  it('verifies a checksum of the file', async () => {
    const wrong = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    expect(outcome(await post({ key: 'checksum', ...wrong }))).toBe('400 BadDigest');
    const right = { 'x-amz-checksum-sha256': 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' };
    expect(outcome(await post({ key: 'checksum', ...right }))).toBe('204');
  });

  it('sends CORS headers, also with errors', async () => {
    const rule = { AllowedOrigins: ['https://app.example'], AllowedMethods: ['POST'] };
    await s3.client.send(
      new PutBucketCorsCommand({
        Bucket: s3.bucket,
        CORSConfiguration: { CORSRules: [rule] },
        ChecksumAlgorithm: 'CRC32',
      }),
    );
    const headers = { origin: 'https://app.example' };
    for (const after of [{}, { policy: undefined }]) {
      const answer = await post({ key: 'cors' }, { headers, after });
      expect(answer.headers['access-control-allow-origin']).toBe('https://app.example');
    }
  });
});

describe('the policy of a form', () => {
  const any = (field: string, prefix = '') => ['starts-with', `$${field}`, prefix];

  it.each<[string, Record<string, string>, unknown[]]>([
    ['a prefix', { key: 'user/x' }, [any('key', 'user/')]],
    ['an empty prefix', { key: 'x' }, [any('key')]],
    [
      'operators in any case',
      { key: 'x' },
      [
        ['StArTs-WiTh', '$kEy', ''],
        ['Content-LENGTH-Range', 0, 99],
      ],
    ],
    [
      'another case of a name',
      { Key: 'x', 'Content-Type': 'image/png' },
      [{ KEY: 'x' }, any('content-Type', 'image/')],
    ],
    [
      'each of several types',
      { key: 'x', 'content-type': 'image/png, image/gif' },
      [any('key'), any('Content-Type', 'image/')],
    ],
    ['a size', { key: 'x' }, [any('key'), ['content-length-range', 5, 5]]],
    ['a size as text', { key: 'x' }, [any('key'), ['content-length-range', '0', '10']]],
    ['no condition for an ignored field', { key: 'x', 'x-ignore-this': 'y' }, [any('key')]],
  ])('may require %s', async (_name, fields, conditions) => {
    expect(outcome(await post(fields, { conditions: [{ bucket: s3.bucket }, ...conditions] }))).toBe('204');
  });

  it.each<[string, Record<string, string>, unknown[], string, string]>([
    ['another key', { key: 'y' }, [{ key: 'x' }], 'AccessDenied', 'Policy Condition failed: ["eq", "$key", "x"]'],
    ['another prefix', { key: 'y' }, [any('key', 'x')], 'AccessDenied', 'Policy Condition failed'],
    ['another bucket', { key: 'x' }, [{ key: 'x' }, { bucket: 'other' }], 'AccessDenied', 'Policy Condition failed'],
    [
      'a field it does not name',
      { key: 'x', 'x-amz-meta-a': 'b' },
      [any('key')],
      'AccessDenied',
      'Extra input fields: x-amz-meta-a',
    ],
    [
      'a type it does not name',
      { key: 'x', 'content-type': 'a/b' },
      [any('key')],
      'AccessDenied',
      'Extra input fields: content-type',
    ],
    [
      'a field that is missing',
      { key: 'x' },
      [any('key'), { acl: 'private' }],
      'AccessDenied',
      'Policy Condition failed',
    ],
    [
      'one type of several',
      { key: 'x', 'content-type': 'image/a,text/b' },
      [any('key'), any('content-type', 'image/')],
      'AccessDenied',
      'Policy Condition failed',
    ],
    ['a larger file', { key: 'x' }, [any('key'), ['content-length-range', 0, 4]], 'EntityTooLarge', 'exceeds'],
    ['a smaller file', { key: 'x' }, [any('key'), ['content-length-range', 6, 9]], 'EntityTooSmall', 'smaller'],
  ])('refuses %s, and nothing is stored', async (_name, fields, conditions, code, message) => {
    const before = await dataFiles();
    const answer = await post(fields, { conditions });
    expect(answer.code).toBe(code);
    expect(answer.body.toString().replaceAll('&quot;', '"').replaceAll('","', '", "')).toContain(message);
    expect(await dataFiles()).toEqual(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });

  it('expires', async () => {
    const answer = await post({ key: 'x' }, { policy: { expiration: new Date(Date.now() - 1000).toISOString() } });
    expect(outcome(answer)).toBe('403 AccessDenied');
    expect(answer.body.toString()).toContain('Invalid according to Policy: Policy expired.');
  });

  it.each<[string, Record<string, unknown>]>([
    ['no expiration', { expiration: undefined }],
    ['no time', { expiration: 'tomorrow' }],
    ['an invalid time', { expiration: '2044-99-01T00:00:00Z' }],
    ['no conditions', { conditions: undefined }],
    ['conditions that are not a list', { conditions: {} }],
    ['another operator', { conditions: [['ends-with', '$key', 'x']] }],
    ['a name without $', { conditions: [['eq', 'key', 'x']] }],
    ['a value that is not text', { conditions: [{ key: 1 }] }],
    ['two fields in one condition', { conditions: [{ key: 'x', acl: 'private' }] }],
    ['half a range', { conditions: [['content-length-range', 1]] }],
    ['a malformed range', { conditions: [['content-length-range', -1, 'x']] }],
    ['null', { conditions: [null] }],
  ])('is invalid with %s', async (_name, policy) => {
    expect(outcome(await post({ key: 'x' }, { policy }))).toBe('400 InvalidPolicyDocument');
  });
});

describe('the signature of a form', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ['without a policy', { policy: undefined }, '403 AccessDenied'],
    ['with another policy', { policy: Buffer.from('{}').toString('base64') }, '403 SignatureDoesNotMatch'],
    ['with another signature', { 'x-amz-signature': '0'.repeat(64) }, '403 SignatureDoesNotMatch'],
    ['without a signature', { 'x-amz-signature': undefined }, '400 InvalidArgument'],
    ['with another algorithm', { 'x-amz-algorithm': 'AWS4-HMAC-SHA1' }, '400 InvalidArgument'],
    ['without a date', { 'x-amz-date': undefined }, '400 InvalidArgument'],
    ['with another date', { 'x-amz-date': '20200101T000000Z' }, '400 InvalidArgument'],
    ['with a malformed credential', { 'x-amz-credential': 'testkey' }, '400 InvalidArgument'],
    [
      'with another key id',
      {
        'x-amz-credential': `other/${new Date().toISOString().slice(0, 10).replaceAll('-', '')}/us-east-1/s3/aws4_request`,
      },
      '403 InvalidAccessKeyId',
    ],
    ['with a session token', { 'x-amz-security-token': 'x' }, '400 InvalidToken'],
    ['of version 2', { AWSAccessKeyId: 'x', signature: 'y' }, '400 InvalidRequest'],
  ])('is refused %s', async (_name, after, expected) => {
    expect(outcome(await post({ key: 'forged' }, { after }))).toBe(expected);
    await expect(read('forged')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

describe('a form', () => {
  it('needs a file, a key and a bucket', async () => {
    expect(outcome(await post({ key: 'x' }, { file: null }))).toBe('400 InvalidArgument');
    expect(outcome(await post({}))).toBe('400 InvalidArgument');
    expect(outcome(await post({ key: '' }))).toBe('400 UserKeyMustBeSpecified');
    expect(outcome(await post({ key: 'k'.repeat(1025) }))).toBe('400 KeyTooLongError');
    const { headers, body } = encodeForm(signForm(KEYS, { key: 'x' }, [{ key: 'x' }]), FILE);
    expect(outcome(await s3.raw({ method: 'POST', path: '/no-such-bucket', headers, body }))).toBe('404 NoSuchBucket');
  });

  it('cannot request unsupported features or invalid header values', async () => {
    expect(outcome(await post({ key: 'x', acl: 'public-read' }))).toBe('400 AccessControlListNotSupported');
    expect(outcome(await post({ key: 'x', 'x-amz-website-redirect-location': '/' }))).toBe('501 NotImplemented');
    expect(outcome(await post({ key: 'x', 'x-amz-meta-a': 'b\nc: d' }))).toBe('400 InvalidArgument');
    expect(outcome(await post({ key: 'x', 'x-amz-meta-a': 'b'.repeat(3000) }))).toBe('400 MetadataTooLarge');
  });

  it('may have at most 20 KiB of fields', async () => {
    expect(outcome(await post({ key: 'x', 'x-ignore-me': 'x'.repeat(21_000) }))).toBe(
      '400 MaxPostPreDataLengthExceeded',
    );
    expect(outcome(await post({ key: 'x', 'x-ignore-me': 'x'.repeat(15_000) }, { conditions: [{ key: 'x' }] }))).toBe(
      '204',
    );
  });

  it('may not repeat a field; fields after the file are ignored', async () => {
    const once = encodeForm(signForm(KEYS, { key: 'x' }, [{ key: 'x' }]), FILE);
    const behind = Buffer.concat([once.body.subarray(0, -4), Buffer.from('\r\n'), encodeForm({ key: 'y' }, FILE).body]);
    const request = { method: 'POST', path: `/${s3.bucket}`, headers: once.headers };
    expect(outcome(await s3.raw({ ...request, body: behind }))).toBe('204');
    const twice = Buffer.concat([encodeForm({ key: 'x' }, null).body.subarray(0, -4), Buffer.from('\r\n'), once.body]);
    expect(outcome(await s3.raw({ ...request, body: twice }))).toBe('400 InvalidArgument');
  });

  it.each([
    ['no boundary', 'multipart/form-data', 'x'],
    ['no body', 'multipart/form-data; boundary=b', ''],
    ['a JSON body', 'multipart/form-data; boundary=b', '{"key":"x"}'],
    ['unfinished part headers', 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="key"'],
    ['no name', 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n'],
    [
      'a field that is not UTF-8',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n',
    ],
  ])('with %s is malformed', async (_name, type, text) => {
    const body = Buffer.from(text, 'latin1');
    const headers = { 'content-type': type };
    expect(outcome(await s3.raw({ method: 'POST', path: `/${s3.bucket}`, headers, body }))).toBe(
      '400 MalformedPOSTRequest',
    );
  });

  it('that ends in the middle of its file stores nothing', async () => {
    const before = await dataFiles();
    const { headers, body } = encodeForm(signForm(KEYS, { key: 'cut' }, [{ key: 'cut' }]), FILE);
    const cut = body.subarray(0, -20);
    const answer = await s3.raw({ method: 'POST', path: `/${s3.bucket}`, headers, body: cut });
    expect(outcome(answer)).toBe('400 MalformedPOSTRequest');
    const { hostname, port } = new URL(s3.server.url);
    const path = `/${s3.bucket}`;
    const outgoing = request({
      hostname,
      port,
      path,
      method: 'POST',
      headers: { ...headers, 'content-length': 100_000 },
    });
    outgoing.write(cut);
    await expect.poll(() => readdir(join(s3.directory, 'incoming'))).toHaveLength(1);
    outgoing.on('error', () => undefined);
    outgoing.destroy();
    await expect.poll(() => readdir(join(s3.directory, 'incoming'))).toEqual([]);
    expect(await dataFiles()).toEqual(before);
  });

  it('is read the same however its bytes are split', async () => {
    const pieces = fc.constantFrom('\r', '\n', '-', '\r\n', '\r\n--', '\r\n--form', 'a', '\0');
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (text, sizes) => {
          const file = { ...FILE, body: text.join('') };
          const fields = { key: 'x', other: 'ü\r\n-' };
          const { headers, body } = encodeForm(fields, file);
          async function* cut(): AsyncIterable<Buffer> {
            for (let offset = 0, index = 0; offset < body.length; index++) {
              const size = sizes[index % sizes.length] ?? 1;
              yield body.subarray(offset, offset + size);
              offset += size;
            }
          }
          const form = await readForm(headers['content-type'], cut());
          const chunks: Buffer[] = [];
          for await (const chunk of form.file) chunks.push(chunk);
          expect(Object.fromEntries(form.fields)).toEqual(fields);
          expect(Buffer.concat(chunks).toString()).toBe(file.body);
        },
      ),
    );
  });
});

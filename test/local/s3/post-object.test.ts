import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { GetObjectTaggingCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readForm } from '../../../src/local/s3/post/read-form.ts';
import { dataFiles, FILE, post, read, s3, VARIABLE } from './form-upload.ts';
import { KEYS, outcome } from './s3-fixture.ts';
import { encodeForm, signForm } from './sign-form.ts';

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

import { randomBytes } from 'node:crypto';
import { DeleteObjectCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import { importFiles } from '../../src/jobs/import-files.ts';
import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

const CUSTOMER = 'x-amz-server-side-encryption-customer-';
const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const K1 = newKey('k1');
const K2 = newKey('k2');

type Download = { presignedUrl: string; headers?: Record<string, string>; file: { size: number } };
type FormUpload = Record<string, unknown> & { presignedUrl: string; objectKey: string; fields: Record<string, string> };
type Part = { partNumber: number; presignedUrl: string; headers: Record<string, string> };
type Parts = { objectKey: string; uploadId: string; partSize: number; parts: Part[] };

let service: TestService;
/** Whether the store copies encrypted objects: Ceph does not. */
let copies: boolean;
beforeAll(async () => {
  const env = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: K1, PROXY_DOWNLOADS: 'true', AUDIT_PRESIGN: 'true' };
  // CI's other store.
  const ceph = process.env.TEST_S3_ENDPOINT === undefined ? {} : { S3_PROVIDER: 'ceph' };
  service = await startTestService({ env: { ...env, ...ceph } });
  copies = service.services.config.store.encryptedCopies;
});
afterAll(() => service.close());

const presignDownload = async (fileId: string) =>
  (await service.call<Download>('alice', '/presign-download', { fileId })).body;
const download = async (fileId: string, more: Record<string, string> = {}) => {
  const { presignedUrl, headers = {} } = await presignDownload(fileId);
  return fetch(presignedUrl, { headers: { ...headers, ...more } });
};
const content = async (fileId: string, headers: Record<string, string> = {}) =>
  service.app.request(`/files/${fileId}/content`, {
    headers: { authorization: `Bearer ${await mint('alice')}`, ...headers },
  });
/** The same service after the master keys were changed. */
const withKeys = (keys: string, mode = 'c') => {
  const { sse } = parseConfig({ ...service.bucket.env, SSE_MODE: mode, SSE_C_MASTER_KEYS: keys }).store;
  Object.assign(service.services.config.store.sse, sse);
};

describe('SSE-C', () => {
  it('uploads, confirms and downloads a file that nobody can read without its key', async () => {
    const file = await service.store('alice', 'a secret');
    expect(await (await download(file.fileId)).text()).toBe('a secret');
    const range = await download(file.fileId, { range: 'bytes=2-7' });
    expect([range.status, await range.text()]).toEqual([206, 'secret']);
    // Even the owner of the bucket.
    await expect(service.bucket.read(file.objectKey)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    const { presignedUrl } = await presignDownload(file.fileId);
    expect((await fetch(presignedUrl)).status).toBe(403);
  });

  it('signs the key: an upload without it, or with another one, is refused', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 1 });
    const own = Object.entries(upload.headers).filter(([name]) => !name.startsWith(CUSTOMER));
    const other = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 1 });
    const withoutKey = await fetch(upload.presignedUrl, { method: 'PUT', headers: own, body: 'x' });
    const otherKey = { [`${CUSTOMER}key`]: other.headers[`${CUSTOMER}key`] ?? '' };
    const withOther = await service.put(upload, 'x', otherKey);
    expect([withoutKey.status, withOther.status]).toEqual([403, 403]);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(404);
    expect(upload.headers[`${CUSTOMER}key`]).not.toBe(other.headers[`${CUSTOMER}key`]);
  });

  it('uploads by a form, whose verified copy has a key of its own, where the store copies such objects', async () => {
    const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    const answer = await service.call<FormUpload>('alice', '/presign-upload', request);
    if (!copies) return expectProblem(answer, 400, 'invalid-request');
    const { body } = answer;
    const submit = (fields: Record<string, string>) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append('file', new Blob(['hello']), 'a.txt');
      return fetch(body.presignedUrl, { method: 'POST', body: form });
    };
    const { [`${CUSTOMER}key`]: key = '', ...rest } = body.fields;
    expect((await submit(rest)).ok).toBe(false);
    expect((await submit(body.fields)).status).toBe(204);
    const { status, body: file } = await service.confirm('alice', body.objectKey);
    expect(status).toBe(201);
    const signed = await presignDownload(String(file.fileId));
    expect(signed.headers?.[`${CUSTOMER}key`]).not.toBe(key);
    expect(await (await fetch(signed.presignedUrl, { headers: signed.headers ?? {} })).text()).toBe('hello');
  });

  it('uploads in parts, each with the key, also after the master key was rotated', async () => {
    const size = 5 * 1024 ** 2 + 7;
    const bytes = randomBytes(size);
    const request = { fileName: 'a.bin', contentType: 'application/octet-stream', size, method: 'MULTIPART' };
    const { body } = await service.call<Parts>('alice', '/presign-upload', { ...request });
    withKeys(`${K2},${K1}`);
    const { objectKey, uploadId, partSize } = body;
    const numbers = Array.from({ length: Math.ceil(size / partSize) }, (_, index) => index + 1);
    const again = await service.call<Parts>('alice', '/presign-parts', { objectKey, uploadId, partNumbers: numbers });
    expect(again.body.parts[0]?.headers).toEqual(body.parts[0]?.headers);
    for (const { partNumber, presignedUrl, headers } of again.body.parts) {
      const part = bytes.subarray((partNumber - 1) * partSize, partNumber * partSize);
      expect((await fetch(presignedUrl, { method: 'PUT', body: part })).ok).toBe(false);
      expect((await fetch(presignedUrl, { method: 'PUT', headers, body: part })).status).toBe(200);
    }
    const { status, body: file } = await service.call('alice', '/confirm-upload', { objectKey, uploadId });
    expect(status).toBe(201);
    const got = Buffer.from(await (await download(String(file.fileId))).arrayBuffer());
    expect(got.equals(bytes)).toBe(true);
    withKeys(K1);
  });

  it('checks part checksums under the key', async () => {
    const request = { fileName: 'a.bin', contentType: 'application/octet-stream', size: 3, method: 'MULTIPART' };
    const { body } = await service.call<Parts>('alice', '/presign-upload', { ...request, partChecksums: true });
    const { objectKey, uploadId } = body;
    const parts = [{ partNumber: 1, checksumSha256: 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=' }];
    const signed = await service.call<Parts>('alice', '/presign-parts', { objectKey, uploadId, parts });
    const [part] = signed.body.parts;
    const put = await fetch(part?.presignedUrl ?? '', { method: 'PUT', headers: part?.headers ?? {}, body: 'abc' });
    expect(put.status).toBe(200);
    expect((await service.call('alice', '/list-parts', { objectKey, uploadId })).status).toBe(200);
    expect((await service.call('alice', '/confirm-upload', { objectKey, uploadId })).status).toBe(201);
  });

  it('serves content and ranges by handing the key to the store', async () => {
    const { fileId } = await service.store('alice', '0123456789');
    expect(await (await content(fileId)).text()).toBe('0123456789');
    const range = await content(fileId, { range: 'bytes=3-5' });
    expect([range.status, await range.text()]).toEqual([206, '345']);
  });

  it('does not redirect a link, which cannot carry the key, and says where the bytes are', async () => {
    const { fileId } = await service.store('alice', 'x');
    const answer = await service.call('alice', `/files/${fileId}/download`);
    expectProblem(answer, 409, 'encrypted-file');
    expect(answer.body.detail).toContain('/content');
    expect((await service.call('mallory', `/files/${fileId}/download`)).status).toBe(404);
    const events = await service.call<{ events: { action: string; outcome: string }[] }>('alice', '/audit');
    const redirects = events.body.events.filter(({ action }) => action === 'download.redirect');
    expect(redirects.map(({ outcome }) => outcome)).toEqual(['encrypted-file']);
  });

  it('reads files from before SSE-C, of an older master key, and after SSE-C was switched off', async () => {
    withKeys(K1, 'none');
    const plain = await service.store('alice', 'plain');
    withKeys(K1);
    const first = await service.store('alice', 'first');
    const unconfirmed = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(unconfirmed, 'later');
    withKeys(`${K2},${K1}`);
    const second = await service.store('alice', 'second');
    expect((await service.confirm('alice', unconfirmed.objectKey)).status).toBe(201);
    const read = async ({ fileId }: { fileId: string }) => (await download(fileId)).text();
    const all = [plain, first, second, { fileId: unconfirmed.fileId }];
    expect(await Promise.all(all.map(read))).toEqual(['plain', 'first', 'second', 'later']);
    withKeys(`${K2},${K1}`, 'none');
    expect(await Promise.all(all.map(read))).toEqual(['plain', 'first', 'second', 'later']);
    expect((await presignDownload(plain.fileId)).headers).toBeUndefined();
    withKeys(K1);
    expect((await service.call('alice', `/files/${plain.fileId}/download`)).status).toBe(302);
  });

  it('answers 503 for a file whose master key is gone, and removes and refuses nothing', async () => {
    withKeys(K2);
    const lost = await service.store('alice', 'lost');
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 1 });
    await service.put(upload, 'x');
    withKeys(K1);
    for (const [path, body] of [
      ['/presign-download', { fileId: lost.fileId }],
      ['/confirm-upload', { objectKey: upload.objectKey }],
    ] as const) {
      expectProblem(await service.call('alice', path, body), 503, 'storage-unavailable');
    }
    expect((await content(lost.fileId)).status).toBe(503);
    withKeys(`${K1},${K2}`);
    expect(await (await download(lost.fileId)).text()).toBe('lost');
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    withKeys(K1);
  });

  it('adopts no object with another key than the service’s, and gives the reason', async () => {
    const sealed = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: randomBytes(32).toString('base64') } as const;
    await service.bucket.write('alice/sealed.txt', 'sealed', { ContentType: 'text/plain', ...sealed });
    const answer = await service.call('alice', '/confirm-upload', { objectKey: 'alice/sealed.txt', adopt: true });
    expectProblem(answer, 422, 'verification-failed');
    expect(JSON.stringify(answer.body.errors)).toContain('SSE-C');
  });

  it('imports, rebuilds and sweeps what it can open', async () => {
    await service.bucket.write('legacy/report.txt', 'imported', { ContentType: 'text/plain' });
    const owner = toUserId('alice');
    if (owner === null) throw new Error('a user');
    const target = { owner, recordId: null, documentType: null };
    const counts = await importFiles(service.services, 'legacy/', target);
    expect(counts).toMatchObject(copies ? { imported: 1, failed: 0 } : { imported: 0, failed: 1 });
    const { body } = await service.call<{ files: { fileId: string; fileName: string }[] }>('alice', '/files?q=report');
    for (const { fileId } of body.files) expect(await (await download(fileId)).text()).toBe('imported');
    expect(body.files).toHaveLength(copies ? 1 : 0);
    expect(await rebuildFiles(service.services, { dryRun: true })).toMatchObject({ unverified: 0, failed: 0, made: 0 });
    const state = await sweep(service.services, { dryRun: true });
    expect(state.counts).toMatchObject({ failed: 0, missing: 0 });
  });

  it('puts no key into the log, the audit log, the database or an error', async () => {
    const { fileId, objectKey } = await service.store('alice', 'x', { metadata: { a: 'b' } });
    const key = (await presignDownload(fileId)).headers?.[`${CUSTOMER}key`] ?? '';
    expect(key).toHaveLength(44);
    const events = await service.call('alice', '/audit');
    const rows = await service.services.files.findAny({ id: fileId, ownerId: 'alice' });
    const { headers } = await service.call('alice', '/presign-download', { fileId });
    const texts = [service.logs, events.body, rows, (await service.call('alice', `/files/${fileId}`)).body];
    for (const secret of [key, K1.slice(3), encodeURIComponent(key)]) {
      expect(JSON.stringify(texts)).not.toContain(secret);
      expect((await presignDownload(fileId)).presignedUrl).not.toContain(secret);
    }
    expect(rows).toMatchObject({ sseKeyId: 'k1', objectKey });
    expect(headers.get('cache-control')).toBe('no-store');
    const stranger = await service.call('mallory', '/presign-download', { fileId });
    expect([stranger.status, JSON.stringify(stranger.body).includes(key)]).toEqual([404, false]);
  });

  it('keeps the longest names, metadata and limits within what S3 allows', async () => {
    withKeys(`${'k'.repeat(16)}${K2.slice(2)},${K1}`);
    const metadata = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`${'m'.repeat(31)}${index}`, 'v'.repeat(102)]),
    );
    const type = `application/${'x'.repeat(100)}`;
    const request = { fileName: `${'é'.repeat(100)}.bin`, contentType: type, size: 1, metadata };
    const upload = await service.presign('alice', request);
    const put = await service.put(upload, 'x');
    expect([put.status, await put.text()]).toEqual([200, '']);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    withKeys(K1);
  });

  it('never takes an older version whose master key is gone for a missing one', async () => {
    const { client, name: Bucket } = service.bucket;
    const versioned = { Bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
    await client.send(new PutBucketVersioningCommand(versioned));
    withKeys(K2);
    const { fileId, objectKey } = await service.store('alice', 'lost');
    const row = await service.services.files.findAny({ id: fileId, ownerId: 'alice' });
    // The latest version is a delete marker, so the key is in no listing.
    await client.send(new DeleteObjectCommand({ Bucket, Key: objectKey }));
    withKeys(`${newKey('k3')},${K1}`);
    expect(row?.versionId).toEqual(expect.any(String));
    const looking = service.services.bucket.head(objectKey, row?.versionId);
    await expect(looking).rejects.toMatchObject({ code: 'storage-unavailable' });
    withKeys(`${K1},${K2}`);
    expect(await service.services.bucket.head(objectKey, row?.versionId)).toMatchObject({ sizeBytes: 4 });
    withKeys(K1);
  });
});

describe('an upload of Uppy under SSE-C', () => {
  it('gets the key in the headers of each part', async () => {
    const begun = await service.call<{ key: string; uploadId: string }>('alice', '/s3/multipart', {
      filename: 'a.bin',
      type: 'application/octet-stream',
      metadata: { size: 3 },
    });
    const { key, uploadId } = begun.body;
    const path = `/s3/multipart/${encodeURIComponent(uploadId)}`;
    const query = `?key=${encodeURIComponent(key)}`;
    const one = await service.call<{ url: string; headers: Record<string, string> }>('alice', `${path}/1${query}`);
    const many = await service.call<{ headers: Record<string, unknown> }>(
      ...(['alice', `${path}/batch${query}&partNumbers=1`] as const),
    );
    expect(many.body.headers['1']).toEqual(one.body.headers);
    const put = await fetch(one.body.url, { method: 'PUT', headers: one.body.headers, body: 'abc' });
    expect(put.status).toBe(200);
    const parts = [{ PartNumber: 1, ETag: put.headers.get('etag') }];
    expect((await service.call('alice', `${path}/complete${query}`, { parts })).status).toBe(200);
  });

  it('creates an upload itself with the key in the headers, and sends its parts with it', async () => {
    const sign = (body: Record<string, unknown>) =>
      service.call<{ url: string; key: string; headers?: Record<string, string> }>('alice', '/sign-request', body);
    const begun = await sign({ method: 'POST', key: 'a.bin', contentType: 'application/octet-stream' });
    if (!copies) return expect([begun.status, begun.body]).toMatchObject([400, { code: 'invalid-request' }]);
    const { body: begin } = begun;
    const answer = await fetch(begin.url, { method: 'POST', headers: begin.headers ?? {} });
    const [, uploadId] = /<UploadId>(.*?)<\/UploadId>/.exec(await answer.text()) ?? [];
    const { body: part } = await sign({ method: 'PUT', key: begin.key, uploadId, partNumber: 1 });
    const put = await fetch(part.url, { method: 'PUT', headers: part.headers ?? {}, body: 'abc' });
    expect(put.status).toBe(200);
    const { body: end } = await sign({ method: 'POST', key: begin.key, uploadId });
    const list = `<Part><PartNumber>1</PartNumber><ETag>${put.headers.get('etag')}</ETag></Part>`;
    const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`;
    expect((await fetch(end.url, { method: 'POST', body })).status).toBe(200);
    expect((await service.confirm('alice', begin.key)).status).toBe(201);
  });
});

import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answering, startFakeClamd } from '../helpers/fake-clamd.ts';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

type Parts = {
  objectKey: string;
  uploadId: string;
  parts: { presignedUrl: string; headers?: Record<string, string> }[];
};

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };

/** The keys of Ceph's own test backend: see `.ci/rgw`. */
const ENV = { SSE_MODE: 'kms', SSE_KMS_KEY_ID: 'kms-1', SSE_KMS_CONTEXT: '{"app":"signpost","owner":"{owner}"}' };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { ...ENV, S3_PROVIDER: 'ceph', PROXY_DOWNLOADS: 'true' } });
});
afterAll(() => service.close());

const keyOf = async (Key: string) => {
  const head = await service.bucket.client.send(new HeadObjectCommand({ Bucket: service.bucket.name, Key }));
  return [head.ServerSideEncryption, head.SSEKMSKeyId];
};
const download = async (fileId: string, range?: string) => {
  const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId });
  return (await fetch(body.presignedUrl, { headers: range === undefined ? {} : { range } })).text();
};

describe('SSE-KMS on a real store', () => {
  it('encrypts an upload with the key that was signed, and no other', async () => {
    const { fileId, objectKey } = await service.store('alice', 'hello');
    expect(await keyOf(objectKey)).toEqual(['aws:kms', 'kms-1']);
    expect([await download(fileId), await download(fileId, 'bytes=1-2')]).toEqual(['hello', 'el']);
    const upload = await service.presign('alice', TEXT);
    const name = 'x-amz-server-side-encryption';
    for (const [header, value] of [
      [name, 'AES256'],
      [`${name}-aws-kms-key-id`, 'kms-2'],
      [`${name}-context`, Buffer.from('{"owner":"bob"}').toString('base64')],
    ] as const) {
      expect((await service.put(upload, 'hello', { [header]: value })).status, header).toBe(403);
    }
    const { [name]: _, ...without } = upload.headers;
    const plain = await fetch(upload.presignedUrl, { method: 'PUT', headers: without, body: 'hello' });
    expect(plain.status).toBe(403);
  });

  it('copies no encrypted object, so what needs a copy is refused before any byte is sent', async () => {
    const form = await service.call('alice', '/presign-upload', { ...TEXT, method: 'POST' });
    expectProblem(form, 400, 'invalid-request');
    const { objectKey } = await service.store('alice', 'hello');
    const object = await service.services.bucket.head(objectKey);
    if (object === null) throw new Error(objectKey);
    const copying = service.services.bucket.copy(object, 'alice/copy');
    await expect(copying).rejects.toMatchObject({ code: 'storage-unavailable' });
    // As long as Ceph refuses this, the store's trait is right.
    const asked = { Bucket: service.bucket.name, Key: 'copy', CopySource: `${service.bucket.name}/${objectKey}` };
    const encrypted = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'kms-1' } as const;
    const itself = service.bucket.client.send(new CopyObjectCommand({ ...asked, ...encrypted }));
    await expect(itself).rejects.toMatchObject({ $metadata: { httpStatusCode: 501 } });
  });

  it('encrypts an upload in parts', async () => {
    const size = 8 * 2 ** 20 + 5;
    const bytes = Buffer.alloc(size, 'signpost');
    const request = { ...TEXT, contentType: 'application/octet-stream', size, method: 'MULTIPART' };
    const { body } = await service.call<Parts>('alice', '/presign-upload', request);
    const { objectKey, uploadId, parts } = body;
    for (const [index, { presignedUrl, headers = {} }] of parts.entries()) {
      const part = bytes.subarray(index * 8 * 2 ** 20, (index + 1) * 8 * 2 ** 20);
      expect((await fetch(presignedUrl, { method: 'PUT', headers, body: part })).status).toBe(200);
    }
    const { status, body: file } = await service.call('alice', '/confirm-upload', { objectKey, uploadId });
    expect([status, file.size]).toEqual([201, size]);
    expect(await keyOf(objectKey)).toEqual(['aws:kms', 'kms-1']);
    expect(await download(String(file.fileId), `bytes=${8 * 2 ** 20 - 4}-${8 * 2 ** 20 + 4}`)).toBe(
      'postsignp'.slice(0, 9),
    );
  });
});

describe('SSE-C on a real store', () => {
  let clamd: Awaited<ReturnType<typeof startFakeClamd>>;
  let sealed: TestService;
  const scanned: string[] = [];
  beforeAll(async () => {
    clamd = await startFakeClamd((socket, received) => {
      if (received.isWhole) scanned.push(received.bytes.toString());
      answering(received.bytes.includes('virus') ? 'stream: A.Virus FOUND\0' : 'stream: OK\0')(socket, received);
    });
    const keys = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` };
    sealed = await startTestService({ env: { ...keys, S3_PROVIDER: 'ceph', HOLD_UPLOADS: 'true', SCAN: clamd.url } });
  });
  afterAll(async () => {
    await sealed.close();
    await clamd.close();
  });

  it('is decrypted for the scanner, and an infected object is removed', async () => {
    const clean = await sealed.store('alice', 'hello');
    const infected = await sealed.store('alice', 'a virus');
    expect(await sealed.services.scanner?.run()).toMatchObject({ clean: 1, rejected: 1, failed: 0 });
    expect(scanned.toSorted()).toEqual(['a virus', 'hello']);
    const { body } = await sealed.call('alice', `/files/${infected.fileId}`);
    expect(body).toMatchObject({ status: 'rejected', rejection: 'A.Virus' });
    expect(await sealed.services.bucket.head(infected.objectKey)).toBeNull();
    const { body: signed } = await sealed.call<{ presignedUrl: string; headers: Record<string, string> }>(
      ...(['alice', '/presign-download', { fileId: clean.fileId }] as const),
    );
    const ask = async (headers: Record<string, string>) => {
      const answer = await fetch(signed.presignedUrl, { headers });
      return answer.ok ? answer.text() : answer.status;
    };
    expect(await ask({ ...signed.headers, range: 'bytes=1-2' })).toBe('el');
    expect(await ask({})).toBe(403);
    const other = Buffer.alloc(32, 1).toString('base64');
    expect(await ask({ ...signed.headers, 'x-amz-server-side-encryption-customer-key': other })).toBe(403);
    const get = { Bucket: sealed.bucket.name, Key: clean.objectKey };
    const wrong = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: other } as const;
    for (const key of [{}, wrong]) {
      const asking = sealed.bucket.client.send(new GetObjectCommand({ ...get, ...key }));
      await expect(asking).rejects.toMatchObject({ $metadata: { httpStatusCode: expect.any(Number) } });
    }
  });
});

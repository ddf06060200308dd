import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  const policies = { photo: { contentTypes: ['image/png'] } };
  service = await startTestService({ env: { UPLOAD_POLICIES: JSON.stringify(policies), PROXY_DOWNLOADS: 'true' } });
});
afterAll(() => service.close());

const ENVELOPE = '1.AAAAAAAAAA.5.aW1hZ2UvcG5n.key.k1.c2VjcmV0';
/** Begins as a Windows program does, which may happen to encrypted bytes. */
const BYTES = Uint8Array.from([0x4d, 0x5a, ...Array.from({ length: 19 }, (_, index) => (index * 37) % 256)]);
const PHOTO = { fileName: 'scan.png', contentType: 'image/png', size: BYTES.length, encryption: ENVELOPE };

async function storeEncrypted(user = 'alice', request: Record<string, unknown> = {}) {
  const upload = await service.presign(user, { ...PHOTO, ...request });
  expect((await service.put(upload, BYTES)).status).toBe(200);
  const { status, body } = await service.confirm(user, upload.objectKey);
  expect(status).toBe(201);
  return body as Record<string, unknown> & { fileId: string; objectKey: string };
}

describe('a file that its client encrypted', () => {
  it('is confirmed without a look at its first bytes, and its row says so', async () => {
    const file = await storeEncrypted();
    expect(file).toMatchObject({ contentType: 'image/png', detectedContentType: null, encryption: ENVELOPE });
    expect((await service.call('alice', `/files/${file.fileId}`)).body).toMatchObject({ encryption: ENVELOPE });
    expect((await service.store('alice', 'plain')).encryption).toBeNull();
  });

  it('is stored as bytes of no type, by every method', async () => {
    const { objectKey } = await storeEncrypted();
    const head = await service.bucket.client.send(
      new HeadObjectCommand({ Bucket: service.bucket.name, Key: objectKey }),
    );
    expect(head.ContentType).toBe('application/octet-stream');
    expect(head.Metadata).toMatchObject({ 'signpost-encryption': ENVELOPE, 'signpost-type': 'image/png' });

    const form = await service.call<{ objectKey: string; presignedUrl: string; fields: Record<string, string> }>(
      'alice',
      '/presign-upload',
      { ...PHOTO, method: 'POST' },
    );
    expect(form.body.fields['Content-Type']).toBe('application/octet-stream');
    const body = new FormData();
    for (const [name, value] of Object.entries(form.body.fields)) body.set(name, value);
    body.set('file', new Blob([BYTES]));
    expect((await fetch(form.body.presignedUrl, { method: 'POST', body })).status).toBe(204);
    const confirmed = await service.confirm('alice', form.body.objectKey);
    expect(confirmed.body).toMatchObject({ contentType: 'image/png', encryption: ENVELOPE });

    const parts = await service.call<{ objectKey: string; uploadId: string; parts: { presignedUrl: string }[] }>(
      'alice',
      '/presign-upload',
      { ...PHOTO, method: 'MULTIPART' },
    );
    const [part] = parts.body.parts;
    expect((await fetch(part?.presignedUrl ?? '', { method: 'PUT', body: BYTES })).status).toBe(200);
    const { objectKey: key, uploadId } = parts.body;
    const done = await service.call('alice', '/confirm-upload', { objectKey: key, uploadId });
    expect(done.body).toMatchObject({ contentType: 'image/png', encryption: ENVELOPE });
  });

  it('is never shown by a browser, neither from the bucket nor through the service', async () => {
    const { fileId } = await storeEncrypted();
    const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', {
      fileId,
      disposition: 'inline',
    });
    const fromBucket = await fetch(body.presignedUrl);
    expect(fromBucket.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(fromBucket.headers.get('content-type')).toBe('application/octet-stream');
    expect(new Uint8Array(await fromBucket.arrayBuffer())).toEqual(BYTES);

    const headers = await service.call('alice', `/files/${fileId}/content?disposition=inline`, undefined, {
      method: 'HEAD',
    });
    expect(headers.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(headers.headers.get('content-type')).toBe('application/octet-stream');
  });

  it('obeys the policy by its claimed type', async () => {
    await storeEncrypted('alice', { documentType: 'photo' });
    const refused = await service.call('alice', '/presign-upload', {
      ...PHOTO,
      contentType: 'text/html',
      documentType: 'photo',
    });
    expectProblem(refused, 415, 'content-type-not-allowed');
  });

  it('cannot be uploaded with another type, or without what was signed', async () => {
    const upload = await service.presign('alice', PHOTO);
    expect((await service.put(upload, BYTES, { 'content-type': 'image/png' })).status).toBe(403);
    const { 'x-amz-meta-signpost-encryption': _left, ...headers } = upload.headers;
    const bare = await fetch(upload.presignedUrl, { method: 'PUT', headers, body: BYTES });
    expect(bare.status).toBe(403);
  });

  it('is refused if the object has another type than ciphertext has', async () => {
    const { objectKey } = await service.presign('alice', PHOTO);
    const Metadata = {
      'signpost-name': 'scan.png',
      'signpost-size': '21',
      'signpost-type': 'image/png',
      'signpost-encryption': ENVELOPE,
    };
    await service.bucket.write(objectKey, 'x'.repeat(21), { ContentType: 'image/png', Metadata });
    const answer = await service.confirm('alice', objectKey);
    expectProblem(answer, 422, 'verification-failed');
    expect(answer.body.errors).toEqual([
      { path: 'contentType', message: 'the stored type differs from the signed one' },
    ]);
  });

  it.each(['', 'a b', 'ü', 'x'.repeat(513), '{"key":1}', '\u0000', 'a\nb'])(
    'is not signed with the encryption %j',
    async (encryption) => {
      const answer = await service.call('alice', '/presign-upload', { ...PHOTO, encryption });
      expectProblem(answer, 400, 'invalid-request');
      expect(answer.body.errors).toMatchObject([{ path: 'encryption' }]);
    },
  );

  it('has at most 1,024 bytes of encryption and metadata together', async () => {
    const encryption = 'x'.repeat(512);
    const most = 1024 - 512 - 'signpost-encryption'.length;
    const answer = (bytes: number) =>
      service.call('alice', '/presign-upload', { ...PHOTO, encryption, metadata: { note: 'n'.repeat(bytes) } });
    expect((await answer(most)).status).toBe(200);
    expect((await answer(most + 1)).body.errors).toMatchObject([{ path: 'encryption' }]);
  });
});

describe('PATCH /files/{fileId} of an encrypted file', () => {
  const change = (fileId: string, body: unknown) =>
    service.call('alice', `/files/${fileId}`, body, { method: 'PATCH' });

  it('keeps the key as it is wrapped now, and other changes leave it', async () => {
    const { fileId, ...before } = await storeEncrypted();
    const encryption = ENVELOPE.replace('k1', 'k2');
    expect(await change(fileId, { encryption })).toMatchObject({ status: 200, body: { ...before, encryption } });
    expect((await change(fileId, { metadata: {}, fileName: 'b.png' })).body).toMatchObject({ encryption });
  });

  it('neither marks a plain file as encrypted, nor an encrypted one as plain', async () => {
    const plain = await service.store('alice', 'plain');
    expectProblem(await change(plain.fileId, { encryption: ENVELOPE }), 409, 'conflict');
    const { fileId } = await storeEncrypted();
    expectProblem(await change(fileId, { encryption: null }), 400, 'invalid-request');
    expectProblem(await change(fileId, { encryption: '' }), 400, 'invalid-request');
  });
});

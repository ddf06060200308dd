import { describe, expect, it } from 'vitest';
import { toUserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { presignParts } from '../../src/uploads/presign-parts.ts';
import { expectProblem, withConfig } from '../helpers/test-service.ts';
import {
  begin,
  bytes,
  MIB,
  PART,
  type Part,
  post,
  putAll,
  putPart,
  request,
  type Stored,
  service,
} from './multipart-service.ts';

describe('an upload in parts', () => {
  it('is sent in signed parts, resumes from the parts in the bucket, and becomes one file', async () => {
    const upload = await begin({ recordId: 'case-1', metadata: { source: 'cam' } });
    expect(upload).toMatchObject({ method: 'MULTIPART', partSize: PART, partCount: 3 });
    expect(upload.parts.map(({ size }) => size)).toEqual([PART, PART, 7]);
    const { objectKey, uploadId } = upload;
    await putPart(upload.parts[0] as Part);

    const listed = await post('/list-parts', { objectKey, uploadId });
    expect(listed.body).toEqual({ parts: [{ partNumber: 1, size: PART, etag: expect.any(String) }] });
    const again = await service.call<{ parts: Part[] }>('alice', '/presign-parts', {
      objectKey,
      uploadId,
      partNumbers: [2, 3],
    });
    expect(again.body).toMatchObject({ expiresAt: expect.any(String) });
    for (const part of again.body.parts) await putPart(part);

    const confirmed = await post('/confirm-upload', { objectKey, uploadId });
    expect(confirmed.status).toBe(201);
    expect(confirmed.body).toMatchObject({ size: bytes.length, recordId: 'case-1', metadata: { source: 'cam' } });
    expect((await service.bucket.read(objectKey))?.equals(bytes)).toBe(true);

    for (const body of [{ objectKey, uploadId }, { objectKey }]) {
      const repeated = await post('/confirm-upload', body);
      expect([repeated.status, repeated.body]).toEqual([200, confirmed.body]);
    }
    expectProblem(await post('/abort-upload', { objectKey, uploadId }), 409, 'conflict');
    expect((await service.bucket.read(objectKey))?.equals(bytes)).toBe(true);
  });

  it('makes one row for ten simultaneous confirmations', async () => {
    const upload = await begin();
    const parts = await putAll(upload);
    const body = { objectKey: upload.objectKey, uploadId: upload.uploadId, parts };
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/confirm-upload', body)));
    // A confirmation during another one's completion may be told to repeat, and loses nothing.
    const settled = await Promise.all(
      answers.map((answer) => (answer.status < 300 ? answer : post('/confirm-upload', body))),
    );
    expect(settled.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1);
    for (const { body } of settled) expect(body).toEqual(settled[0]?.body);
  });

  it('is chosen by size, or by the client', async () => {
    const small = { ...request, size: PART };
    expect((await post('/presign-upload', small)).body).toMatchObject({ method: 'PUT' });
    expect((await post('/presign-upload', { ...small, method: 'MULTIPART' })).body).toMatchObject({ partCount: 1 });
    expect((await post('/presign-upload', { ...request, method: 'PUT' })).body).toMatchObject({ method: 'PUT' });
    const tooLarge = await post('/presign-upload', { ...request, size: 5 * 1024 ** 3 + 1, method: 'PUT' });
    expectProblem(tooLarge, 413, 'file-too-large');
  });

  it('splits 5 TiB into at most 10,000 equal parts, and signs the first 100', async () => {
    const upload = await begin({ size: 5 * 1024 ** 4 });
    expect(upload.partCount).toBeLessThanOrEqual(10_000);
    expect(upload.partSize % MIB).toBe(0);
    expect(upload.parts).toHaveLength(100);
    const { objectKey, uploadId, partCount } = upload;
    const last = await service.call<{ parts: Part[] }>('alice', '/presign-parts', {
      objectKey,
      uploadId,
      partNumbers: [partCount],
    });
    expect(last.body.parts[0]?.size).toBe(5 * 1024 ** 4 - (partCount - 1) * upload.partSize);
  });

  it('has one empty part for an empty file', async () => {
    const upload = await begin({ size: 0, method: 'MULTIPART' });
    const { objectKey, uploadId } = upload;
    await putPart(upload.parts[0] as Part, Buffer.alloc(0));
    expect((await post('/confirm-upload', { objectKey, uploadId })).status).toBe(201);
  });

  it('signs the exact length of each part', async () => {
    const upload = await begin();
    const { presignedUrl } = upload.parts[2] as Part;
    for (const wrong of ['123456', '12345678']) {
      expect((await fetch(presignedUrl, { method: 'PUT', body: wrong })).status).toBe(403);
    }
  });

  it('names missing parts, and completes once they are there', async () => {
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    await putPart(upload.parts[0] as Part);
    await putPart(upload.parts[2] as Part);
    const early = await post('/confirm-upload', { objectKey, uploadId });
    expectProblem(early, 409, 'conflict');
    expect((early.body as { errors: unknown }).errors).toMatchObject([{ path: 'parts.2' }]);
    await putPart(upload.parts[1] as Part);
    expect((await post('/confirm-upload', { objectKey, uploadId })).status).toBe(201);
  });

  it('refuses a list of parts that differs from the bucket’s, and loses nothing', async () => {
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    const parts = await putAll(upload);
    const [first, second, third] = parts as [Stored, Stored, Stored];
    for (const wrong of [
      [first, third],
      [second, first, third],
      [first, second, { ...third, etag: '"0"' }],
    ]) {
      expectProblem(await post('/confirm-upload', { objectKey, uploadId, parts: wrong }), 400, 'invalid-request');
    }
    expect((await post('/confirm-upload', { objectKey, uploadId, parts })).status).toBe(201);
  });

  it('is refused with a SHA-256 of the whole file, which no part request can check', async () => {
    const checksumSha256 = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
    for (const more of [{}, { method: 'MULTIPART' }, { method: 'MULTIPART', size: 5 }, { partChecksums: true }]) {
      const refused = await post('/presign-upload', { ...request, checksumSha256, ...more });
      expectProblem(refused, 400, 'invalid-request');
      expect(refused.body).toMatchObject({ detail: expect.stringContaining('partChecksums') });
      expect(refused.body).toMatchObject({ errors: [{ path: 'checksumSha256' }] });
    }
    expect((await post('/presign-upload', { ...request, checksumSha256, method: 'PUT' })).status).toBe(200);
  });

  it('belongs to one user and one key', async () => {
    const upload = await begin();
    const other = await begin();
    const { objectKey, uploadId } = upload;
    const all = (user: string, body: { objectKey: string; uploadId: string }) =>
      Promise.all([
        post('/presign-parts', { ...body, partNumbers: [1] }, user),
        post('/list-parts', body, user),
        post('/abort-upload', body, user),
        post('/confirm-upload', body, user),
      ]);
    for (const answer of await all('bob', { objectKey, uploadId })) expectProblem(answer, 403, 'not-your-object');
    const mixed = { objectKey, uploadId: other.uploadId };
    expectProblem(await post('/list-parts', mixed), 404, 'upload-not-found');
    expectProblem(await post('/confirm-upload', mixed), 404, 'upload-not-found');
    expectProblem(await post('/presign-parts', { ...mixed, partNumbers: [3] }), 404, 'upload-not-found');
    expect((await post('/list-parts', { objectKey, uploadId: other.uploadId.replace(/\d+\./, '1.') })).status).toBe(
      404,
    );
    expect((await post('/list-parts', { objectKey: other.objectKey, uploadId: other.uploadId })).status).toBe(200);
  });

  it('keeps its plan: a changed upload id gives no parts of other lengths', async () => {
    const { objectKey, uploadId } = await begin();
    const [, , tag, ...id] = uploadId.split('.');
    for (const plan of [`${5 * 1024 ** 4}.${5 * MIB}+open`, `${bytes.length}.${PART}+open`, `7.${PART}`]) {
      for (const rewritten of [`${plan}.${tag}.${id.join('.')}`, `${plan}.${id.join('.')}`]) {
        const body = { objectKey, uploadId: rewritten };
        expectProblem(await post('/presign-parts', { ...body, partNumbers: [1] }), 404, 'upload-not-found');
        expectProblem(await post('/list-parts', body), 404, 'upload-not-found');
        expectProblem(await post('/confirm-upload', body), 404, 'upload-not-found');
        const path = `/s3/multipart/${encodeURIComponent(rewritten)}/1?key=${encodeURIComponent(objectKey)}`;
        expect((await service.call('alice', path)).status).toBe(404);
      }
    }
    expect((await post('/presign-parts', { objectKey, uploadId, partNumbers: [1] })).status).toBe(200);
    // Neither does the bucket's own id, on the route for uploads that the client begins.
    const own = { method: 'PUT', key: objectKey, uploadId: id.join('.'), partNumber: 1 };
    expectProblem(await post('/sign-request', own), 404, 'upload-not-found');
  });

  it('gets no more parts under stricter limits', async () => {
    const { objectKey, uploadId } = await begin();
    const { services } = service;
    const strict = withConfig(services, 'limits', { maxUploadBytes: bytes.length - 1 });
    const userId = toUserId('alice');
    if (userId === null) throw new Error('a user id');
    const caller = { userId, actorId: userId, isOnBehalf: false, scopes: new Set<Scope>(), requestId: 'r' };
    const signing = presignParts(strict, { ...caller, address: null }, { objectKey, uploadId, partNumbers: [1] });
    await expect(signing).rejects.toMatchObject({ code: 'file-too-large' });
  });

  it.each([
    ['part 0', { partNumbers: [0] }, 400],
    ['part 10,001', { partNumbers: [10_001] }, 400],
    ['a part after the last', { partNumbers: [4] }, 400],
    ['an empty list', { partNumbers: [] }, 400],
    ['101 parts', { partNumbers: Array(101).fill(1) }, 400],
    ['an unknown upload id', { uploadId: 'x', partNumbers: [1] }, 404],
    ['an upload id without parts', { uploadId: '1.0.x', partNumbers: [1] }, 404],
    ['a size over 5 TiB', { uploadId: `${5 * 1024 ** 4 + 1}.${5 * 1024 ** 3}.x`, partNumbers: [1] }, 404],
  ])('signs nothing for %s', async (_name, change, status) => {
    const { objectKey, uploadId } = await begin();
    expect((await post('/presign-parts', { objectKey, uploadId, ...change })).status).toBe(status);
  });
});

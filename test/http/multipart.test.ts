import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from '../../src/contract/errors.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { createApp } from '../../src/http/app.ts';
import { presignParts } from '../../src/uploads/presign-parts.ts';
import { expectProblem, mint, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

const MIB = 1024 ** 2;
const PART = 5 * MIB;

type Part = { partNumber: number; size: number; presignedUrl: string };
type PartsUpload = { objectKey: string; uploadId: string; partSize: number; partCount: number; parts: Part[] };
type Stored = { partNumber: number; etag: string };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      MULTIPART_THRESHOLD_BYTES: String(PART),
      MULTIPART_PART_BYTES: String(PART),
      MAX_UPLOAD_BYTES: String(5 * 1024 ** 4),
    },
  });
});
afterAll(() => service.close());

const bytes = Buffer.alloc(2 * PART + 7, 'signpost ');
const request = { fileName: 'film.bin', contentType: 'application/octet-stream', size: bytes.length };
const post = (path: string, body: unknown, user = 'alice') => service.call<never>(user, path, body);
const begin = async (more: Record<string, unknown> = {}, user = 'alice') => {
  const { status, body } = await service.call<PartsUpload>(user, '/presign-upload', { ...request, ...more });
  expect(status).toBe(200);
  return body;
};
const putPart = async ({ partNumber, size, presignedUrl }: Part, content = bytes): Promise<Stored> => {
  const start = (partNumber - 1) * PART;
  const answer = await fetch(presignedUrl, { method: 'PUT', body: content.subarray(start, start + size) });
  expect(answer.status).toBe(200);
  return { partNumber, etag: answer.headers.get('etag') ?? '' };
};
const putAll = async (upload: PartsUpload) => {
  const stored: Stored[] = [];
  for (const part of upload.parts) stored.push(await putPart(part));
  return stored;
};
const openUploads = async () => {
  const { client, name: Bucket } = service.bucket;
  return (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0;
};

describe('a batch of uploads in parts', () => {
  it('signs at most a thousand parts in total; clients request the others', async () => {
    const large = { ...request, size: 5 * 1024 ** 4 };
    const { body } = await service.call<{ uploads: PartsUpload[] }>('alice', '/presign-upload/batch', {
      files: Array.from({ length: 100 }, () => large),
    });
    expect(body.uploads.map(({ parts }) => parts.length)).toEqual(Array(100).fill(10));
    expect(new Set(body.uploads.map(({ uploadId }) => uploadId)).size).toBe(100);
    const { status, body: few } = await service.call<{ uploads: PartsUpload[] }>('alice', '/presign-upload/batch', {
      files: [large, large],
    });
    expect([status, few.uploads.map(({ parts }) => parts.length)]).toEqual([200, [100, 100]]);
  });

  it('begins eight at a time, and aborts all if one cannot be begun', async () => {
    let running = 0;
    let most = 0;
    let left = 30;
    const { multipart } = service.services;
    const begin: typeof multipart.begin = async (key, upload) => {
      most = Math.max(most, ++running);
      const id = left-- > 0 ? await multipart.begin(key, upload) : null;
      running--;
      if (id === null) throw unavailable('storage', new Error('the bucket is busy'));
      return id;
    };
    const before = await openUploads();
    const app = createApp({ ...service.services, multipart: { ...multipart, begin } });
    const answer = await app.request('/presign-upload/batch', {
      method: 'POST',
      headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ files: Array.from({ length: 100 }, () => request) }),
    });
    expect([answer.status, most]).toEqual([503, 8]);
    await expect.poll(openUploads).toBe(before);
  });
});

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

describe('POST /abort-upload', () => {
  it('removes the parts, and succeeds if nothing is left', async () => {
    const before = await openUploads();
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    await putPart(upload.parts[0] as Part);
    expect(await openUploads()).toBe(before + 1);
    for (let i = 0; i < 2; i++) expect((await post('/abort-upload', { objectKey, uploadId })).status).toBe(204);
    expect(await openUploads()).toBe(before);
    expectProblem(await post('/list-parts', { objectKey, uploadId }), 404, 'upload-not-found');
    expectProblem(await post('/confirm-upload', { objectKey, uploadId }), 404, 'upload-not-found');
    expect((await post('/abort-upload', { objectKey: 'alice/never' })).status).toBe(204);
  });

  it('removes an unconfirmed PUT for good', async () => {
    const upload = await service.presign('alice', { ...request, size: 5 });
    await service.put(upload, 'hello');
    expect((await post('/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    expectProblem(await service.confirm('alice', upload.objectKey), 404, 'object-not-found');
    expect((await service.call('alice', `/files/${upload.fileId}`)).status).toBe(404);
  });

  it('prevents that an object that arrives later becomes a file', async () => {
    const upload = await service.presign('alice', { ...request, size: 5 });
    expect((await post('/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    await service.put(upload, 'hello');
    expectProblem(await service.confirm('alice', upload.objectKey), 409, 'conflict');
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
  });

  it('prevents that parts become a file, even without their upload id', async () => {
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    expect((await post('/abort-upload', { objectKey })).status).toBe(204);
    await putAll(upload);
    expectProblem(await post('/confirm-upload', { objectKey, uploadId }), 409, 'conflict');
    expect(await service.bucket.read(objectKey)).toBeNull();
  });

  it('leaves no row for a key that was never signed, even if another user has the id', async () => {
    const mine = await service.presign('gus', { ...request, size: 5 });
    const alices = await service.presign('alice', { ...request, size: 5 });
    const old = mine.fileId.replace(/^.{8}/, '01800000');
    const keys = [
      ...Array.from({ length: 50 }, () => `gus/_/_/${uuidv7()}/film.bin`),
      ...[mine.fileId, alices.fileId].flatMap((id) => [`gus/_/_/${id}/x`, `gus/r/_/${id}/film.bin`]),
      ...[`gus/_/_/${alices.fileId}/film.bin`, `gus/_/_/${old}/film.bin`],
    ];
    for (const objectKey of keys) expect((await post('/abort-upload', { objectKey }, 'gus')).status).toBe(204);
    expect(await service.database.query(`select id from files where owner_id = 'gus'`)).toEqual([]);
    // None of this changed the signed upload; aborting it does.
    await service.put(mine, 'hello');
    expect((await service.confirm('gus', mine.objectKey)).status).toBe(201);
    const another = await service.presign('gus', { ...request, size: 5 });
    expect((await post('/abort-upload', { objectKey: another.objectKey }, 'gus')).status).toBe(204);
    expect(await service.database.query(`select id from files where status = 'refused' and owner_id = 'gus'`)).toEqual([
      { id: another.fileId },
    ]);
  });

  it('never leaves a row without an object during concurrent confirmations', async () => {
    for (let i = 0; i < 20; i++) {
      const upload = await service.presign('alice', { ...request, size: 5 });
      await service.put(upload, 'hello');
      const [aborted, confirmed] = await Promise.all([
        post('/abort-upload', { objectKey: upload.objectKey }),
        service.confirm('alice', upload.objectKey),
      ]);
      const object = await service.bucket.read(upload.objectKey);
      if (confirmed.status === 201) expect([aborted.status, String(object)]).toEqual([409, 'hello']);
      else expect([aborted.status, object]).toEqual([204, null]);
    }
  });
});

describe('POST /presign-upload/batch', () => {
  it('signs all in order, also equal ones', async () => {
    const files = [{ ...request, fileName: 'a.txt', size: 5 }, request, { ...request, fileName: 'a.txt', size: 5 }];
    const { status, body } = await service.call<{ uploads: { method: string; objectKey: string }[] }>(
      'alice',
      '/presign-upload/batch',
      { files },
    );
    expect(status).toBe(200);
    expect(body.uploads.map(({ method }) => method)).toEqual(['PUT', 'MULTIPART', 'PUT']);
    expect(new Set(body.uploads.map(({ objectKey }) => objectKey)).size).toBe(3);
  });

  it('refuses all for one invalid entry, and names it', async () => {
    const bad = await post('/presign-upload/batch', { files: [request, { ...request, size: -1 }] });
    expectProblem(bad, 400, 'invalid-request');
    expect((bad.body as { errors: unknown }).errors).toMatchObject([{ path: 'files.1.size' }]);
    const large = await post('/presign-upload/batch', {
      files: [request, request, { ...request, size: 5 * 1024 ** 4 + 1 }],
    });
    expectProblem(large, 413, 'file-too-large');
    expect((large.body as { errors: unknown }).errors).toMatchObject([{ path: 'files.2.size' }]);
  });

  it('accepts 1 to 100 entries', async () => {
    const small = { ...request, size: 5, fileName: '字'.repeat(85) };
    expect((await post('/presign-upload/batch', { files: Array(100).fill(small) })).status).toBe(200);
    for (const count of [0, 101]) {
      expectProblem(await post('/presign-upload/batch', { files: Array(count).fill(small) }), 400, 'invalid-request');
    }
  });
});

describe('POST /presign-download/batch', () => {
  it('signs all in order, and refuses all if one does not exist', async () => {
    const a = await service.store('alice', 'a');
    const b = await service.store('alice', 'b');
    const bobs = await service.store('bob', 'c');
    const fileIds = [b.fileId, a.fileId, b.fileId];
    const { body } = await service.call<{ downloads: { presignedUrl: string }[] }>('alice', '/presign-download/batch', {
      fileIds,
    });
    const texts = await Promise.all(body.downloads.map(async ({ presignedUrl }) => (await fetch(presignedUrl)).text()));
    expect(texts).toEqual(['b', 'a', 'b']);
    const mixed = await post('/presign-download/batch', { fileIds: [a.fileId, bobs.fileId] });
    expectProblem(mixed, 404, 'file-not-found');
    expect((mixed.body as { errors: unknown }).errors).toMatchObject([{ path: 'fileIds.1' }]);
    for (const ids of [[], Array(101).fill(a.fileId), ['x']]) {
      expectProblem(await post('/presign-download/batch', { fileIds: ids }), 400, 'invalid-request');
    }
  });
});

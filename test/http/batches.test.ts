import { describe, expect, it } from 'vitest';
import { unavailable } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { expectProblem, mint } from '../helpers/test-service.ts';
import { openUploads, type PartsUpload, post, request, service } from './multipart-service.ts';

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
    const abort: typeof multipart.abort = async (...these) => {
      await multipart.abort(...these);
      throw unavailable('storage', new Error('the answer is lost'));
    };
    const app = createApp({ ...service.services, multipart: { ...multipart, begin, abort } });
    const answer = await app.request('/presign-upload/batch', {
      method: 'POST',
      headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ files: Array.from({ length: 100 }, () => request) }),
    });
    expect([answer.status, most]).toEqual([503, 8]);
    await expect.poll(openUploads).toBe(before);
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

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
let file: { fileId: string; objectKey: string };
beforeAll(async () => {
  service = await startTestService();
  file = await service.store('alice', 'hello', { fileName: 'lease 2026.txt' });
});
afterAll(() => service.close());

const presign = (body: Record<string, unknown>) =>
  service.call<{ presignedUrl: string; expiresAt: string; file: unknown }>('alice', '/presign-download', body);
const get = async (body: Record<string, unknown>) => fetch((await presign(body)).body.presignedUrl);

describe('POST /presign-download', () => {
  it('returns a URL of the bytes as an attachment with the original name', async () => {
    const { status, body } = await presign({ fileId: file.fileId, expiresIn: 60 });
    expect(status).toBe(200);
    expect(body.file).toEqual(file);
    expect(Date.parse(body.expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const download = await fetch(body.presignedUrl);
    expect(await download.text()).toBe('hello');
    expect(download.headers.get('content-disposition')).toBe('attachment; filename="lease 2026.txt"');
    expect(download.headers.get('content-type')).toBe('text/plain');
  });

  it('finds the file by its key', async () => {
    expect((await presign({ objectKey: file.objectKey })).body.file).toEqual(file);
  });

  it('signs URLs that support ranges', async () => {
    const { presignedUrl } = (await presign({ fileId: file.fileId })).body;
    const part = await fetch(presignedUrl, { headers: { range: 'bytes=1-3' } });
    expect([part.status, await part.text()]).toEqual([206, 'ell']);
  });

  it.each([
    ['naïve "plan".txt', `attachment; filename="na_ve \\"plan\\".txt"; filename*=UTF-8''na%C3%AFve%20%22plan%22.txt`],
    ['契約.pdf', `attachment; filename="__.pdf"; filename*=UTF-8''%E5%A5%91%E7%B4%84.pdf`],
    ['../../etc/passwd', 'attachment; filename="passwd"'],
    ['a/', 'attachment; filename="file"'],
    ['a\\b.txt', 'attachment; filename="b.txt"'],
    ['50%.txt', 'attachment; filename="50%.txt"'],
  ])('names the download %s', async (fileName, expected) => {
    const download = await get({ fileId: file.fileId, fileName });
    expect(download.status).toBe(200);
    expect(download.headers.get('content-disposition')).toBe(expected);
  });

  it.each([
    ['text/plain', 'inline'],
    ['application/json', 'inline'],
    ['text/html', 'attachment'],
    ['TEXT/HTML;charset=utf-8', 'attachment'],
    ['image/svg+xml', 'attachment'],
    ['image/SVG+xml', 'attachment'],
    ['application/xhtml+xml', 'attachment'],
    ['text/xml', 'attachment'],
    ['video/x+xml', 'attachment'],
    ['text/javascript', 'attachment'],
    ['application/octet-stream', 'attachment'],
  ])('shows %s as %s if inline is requested', async (contentType, expected) => {
    const { fileId } = await service.store('alice', 'hello', { contentType });
    const download = await get({ fileId, disposition: 'inline' });
    expect(download.headers.get('content-disposition')).toMatch(new RegExp(`^${expected};`));
  });

  it('signs disposition, key and lifetime, so that the bucket refuses changes', async () => {
    const { presignedUrl } = (await presign({ fileId: file.fileId })).body;
    for (const [from, to] of [
      ['attachment', 'inline'],
      ['/alice/', '/bob/'],
      ['X-Amz-Expires=300', 'X-Amz-Expires=301'],
    ] as const) {
      const changed = presignedUrl.replace(from, to);
      expect(changed).not.toBe(presignedUrl);
      expect((await fetch(changed)).status).toBe(403);
    }
  });

  it('answers 404 for an unknown or foreign id, and 403 for a foreign key', async () => {
    expectProblem(await service.call('bob', '/presign-download', { fileId: file.fileId }), 404, 'file-not-found');
    expectProblem(
      await service.call('bob', '/presign-download', { objectKey: file.objectKey }),
      403,
      'not-your-object',
    );
    const none = '0198c0de-0000-7000-8000-000000000001';
    expectProblem(await service.call('alice', '/presign-download', { fileId: none }), 404, 'file-not-found');
    const unconfirmed = file.objectKey.replace(file.fileId, none);
    expectProblem(await service.call('alice', '/presign-download', { objectKey: unconfirmed }), 404, 'file-not-found');
    const other = file.objectKey.replace('lease', 'lease2');
    expectProblem(await service.call('alice', '/presign-download', { objectKey: other }), 404, 'file-not-found');
  });

  const fileId = '0198c0de-0000-7000-8000-000000000001';
  it.each([
    ['an empty body', {}],
    ['an invalid id', { fileId: 'x' }],
    ['both id and key', { fileId, objectKey: 'alice/x' }],
    ['neither id nor key', { disposition: 'inline' }],
    ['an unknown disposition', { fileId, disposition: 'download' }],
    ['a name with line breaks', { fileId, fileName: 'a\r\nb' }],
    ['a lifetime of over seven days', { fileId, expiresIn: 604_801 }],
  ])('refuses %s', async (_name, body) => {
    expectProblem(await service.call('alice', '/presign-download', body), 400, 'invalid-request');
  });
});

describe('GET /files/{fileId}/download', () => {
  const redirect = async (path: string) => {
    const { mint } = await import('../helpers/test-service.ts');
    return service.app.request(path, { headers: { authorization: `Bearer ${await mint('alice')}` } });
  };

  it('redirects to a presigned URL, uncached', async () => {
    const answer = await redirect(`/files/${file.fileId}/download`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store']);
    const download = await fetch(answer.headers.get('location') ?? '');
    expect(await download.text()).toBe('hello');
    expect(download.headers.get('content-disposition')).toMatch(/^attachment/);
  });

  it('accepts ?disposition=inline, and ignores other parameters', async () => {
    for (const query of ['disposition=inline', 'disposition=inline&t=123', '_=1&disposition=inline&v=2']) {
      const answer = await redirect(`/files/${file.fileId}/download?${query}`);
      expect((await fetch(answer.headers.get('location') ?? '')).headers.get('content-disposition')).toMatch(/^inline/);
    }
    for (const query of ['disposition=x', 'disposition=inline&disposition=inline']) {
      expectProblem(await service.call('alice', `/files/${file.fileId}/download?${query}`), 400, 'invalid-request');
    }
  });

  it('answers 404 to other users', async () => {
    expectProblem(await service.call('bob', `/files/${file.fileId}/download`), 404, 'file-not-found');
  });
});

import { expect } from 'vitest';
import type { Upload } from '../helpers/test-service.ts';

/** A page on another origin, which `ALLOWED_ORIGINS` names. */
export const PAGE = 'https://page.test';

export type Send = (path: string, init?: RequestInit) => Promise<Response>;

export type StoredFile = { fileId: string; objectKey: string };

/** Sends requests to a mounted Signpost as a user of the apps. */
export const sendTo =
  (base: string, user = 'ada'): Send =>
  (path, init = {}) =>
    fetch(base + path, {
      ...init,
      headers: {
        authorization: `Bearer ${user}`,
        ...(init.body != null && { 'content-type': 'application/json' }),
        ...init.headers,
      },
    });

export const asJson = (value: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(value) });

/** Presigns, uploads and confirms a file of these bytes. */
export async function upload(send: Send, bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<StoredFile> {
  const presigned = await send('/presign-upload', asJson({ fileName: 'a.bin', contentType, size: bytes.length }));
  const { presignedUrl, headers, objectKey } = (await expectJson(presigned, 200)) as Upload;
  const put = await fetch(presignedUrl, { method: 'PUT', headers, body: bytes });
  expect(put.status).toBe(200);
  return (await expectJson(await send('/confirm-upload', asJson({ objectKey })), 201)) as StoredFile;
}

/** The whole way of a file through a mounted Signpost, with every method that a framework has to hand over. */
export async function expectEveryRoute(send: Send): Promise<StoredFile> {
  // Latin-1 with a byte order mark of UTF-8 inside: no text, so a framework that decodes answers changes it.
  const bytes = new Uint8Array([0xe9, 0xef, 0xbb, 0xbf, 0xe9, 0x0a]);
  const file = await upload(send, bytes, 'text/plain');
  const { fileId } = file;

  const download = await expectJson(await send('/presign-download', asJson({ fileId })), 200);
  const direct = await fetch((download as { presignedUrl: string }).presignedUrl);
  expect(new Uint8Array(await direct.arrayBuffer())).toEqual(bytes);

  const content = await send(`/files/${fileId}/content`);
  expect([content.status, content.headers.get('content-type')]).toEqual([200, 'text/plain']);
  expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes);
  const range = await send(`/files/${fileId}/content`, { headers: { range: 'bytes=1-3' } });
  expect([range.status, new Uint8Array(await range.arrayBuffer())]).toEqual([206, bytes.slice(1, 4)]);
  const head = await send(`/files/${fileId}/content`, { method: 'HEAD' });
  // Next.js leaves out the Content-Length of HEAD.
  expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, content.headers.get('etag'), '']);
  const redirect = await send(`/files/${fileId}/download`, { redirect: 'manual' });
  expect([redirect.status, redirect.headers.get('location')]).toEqual([302, expect.stringContaining('X-Amz-')]);

  const renamed = await send(`/files/${fileId}`, { method: 'PATCH', body: JSON.stringify({ fileName: 'b.txt' }) });
  expect(await expectJson(renamed, 200)).toMatchObject({ fileId, fileName: 'b.txt' });
  const listed = await expectJson(await send('/files?q=b.txt&limit=1'), 200);
  expect(listed).toMatchObject({ files: [{ fileId }] });
  const params = await send('/t/ada/s3/params?filename=a%20b.txt&type=text%2Fplain', {
    headers: { authorization: '' },
  });
  expect(await expectJson(params, 200)).toMatchObject({ method: 'POST' });
  const origin = { origin: PAGE, 'access-control-request-method': 'PATCH' };
  const preflight = await send('/files', { method: 'OPTIONS', headers: origin });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, PAGE]);

  const client = await send('/client.js');
  expect([client.status, client.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
  expect(await client.text()).toContain('createSignpost');

  const wrong = await send('/presign-upload', { method: 'POST', body: '{' });
  expect(await expectJson(wrong, 400)).toMatchObject({ code: 'invalid-request' });
  const nobody = await send('/files', { headers: { authorization: 'none' } });
  expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer/);
  expect(await expectJson(nobody, 401)).toMatchObject({ code: 'unauthenticated' });
  expect(await expectJson(await send('/no/such/route'), 404)).toMatchObject({ code: 'route-not-found' });

  const second = await upload(send, new Uint8Array(3), 'application/pdf');
  expect((await send(`/files/${second.fileId}`, { method: 'DELETE' })).status).toBe(204);
  expect((await send(`/files/${second.fileId}`)).status).toBe(404);
  return file;
}

async function expectJson(answer: Response, status: number): Promise<unknown> {
  const text = await answer.text();
  expect([answer.status, text]).toEqual([status, expect.stringMatching(/^[{[]/)]);
  return JSON.parse(text);
}

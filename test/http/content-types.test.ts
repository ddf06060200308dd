import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';
import * as samples from '../uploads/samples.ts';

let service: TestService;
beforeAll(async () => {
  const policies = { photo: { contentTypes: ['image/jpeg', 'image/png'] } };
  const env = { UPLOAD_POLICIES: JSON.stringify(policies), PROXY_DOWNLOADS: 'true' };
  service = await startTestService({ env });
});
afterAll(() => service.close());

const RECORDING = { fileName: 'voice.webm', contentType: 'video/webm;codecs=vp8,opus', size: 5 };
const RECORDING_TYPE = 'video/webm; codecs="vp8,opus"';

describe('a content type from a client', () => {
  it('is signed, stored and returned in normal form', async () => {
    const upload = await service.presign('alice', RECORDING);
    expect(upload.headers).toMatchObject({ 'content-type': RECORDING_TYPE });
    expect(await service.store('alice', 'hello', RECORDING)).toMatchObject({ contentType: RECORDING_TYPE });
  });

  it('is normalized by the routes of other clients', async () => {
    const params = new URLSearchParams({ filename: 'voice.webm', type: RECORDING.contentType });
    const form = await service.call<{ fields: Record<string, string> }>('alice', `/s3/params?${params}`);
    expect(form.body.fields['Content-Type']).toBe(RECORDING_TYPE);
    const parts = { filename: 'voice.webm', type: RECORDING.contentType, metadata: {} };
    expect((await service.call('alice', '/s3/multipart', parts)).status).toBe(200);
    const put = { method: 'PUT', key: 'voice.webm', expiresIn: 60, contentType: RECORDING.contentType, size: 5 };
    const signed = await service.call('alice', '/sign-request', put);
    expect(signed.body).toMatchObject({ headers: { 'content-type': RECORDING_TYPE } });
  });

  it('is found with any case and spaces', async () => {
    const { fileId } = await service.store('bob', 'hello', { contentType: 'IMAGE/X-MINE;Charset="UTF-8"' });
    const found = async (type: string) => {
      const answer = await service.call<{ files: { fileId: string }[] }>('bob', `/files?contentType=${type}`);
      return answer.body.files.map((file) => file.fileId);
    };
    for (const type of ['image/x-mine', 'Image/X-Mine', 'image/*', 'IMAGE/*', 'image/x-mine;charset=utf-8']) {
      expect(await found(type)).toEqual([fileId]);
    }
    expect(await found('image/x-mine;charset=latin1')).toEqual([]);
  });

  it('is read from a query with an unescaped plus', async () => {
    const { fileId } = await service.store('carol', 'hello', { contentType: 'application/vnd.api+json' });
    const listed = await service.call('carol', '/files?contentType=application/vnd.api+json');
    expect(listed.body).toMatchObject({ files: [{ fileId }] });
    const form = await service.call<{ fields: Record<string, string> }>(
      'carol',
      '/s3/params?filename=a.svg&type=image/svg+xml&metadata[type]=image/svg+xml',
    );
    expect(form.body.fields['Content-Type']).toBe('image/svg+xml');
  });

  it('matches a policy with another name of the type', async () => {
    const request = { fileName: 'a.jpg', contentType: 'image/jpg', size: 5, documentType: 'photo' };
    expect((await service.call('alice', '/presign-upload', request)).status).toBe(200);
  });
});

describe('the content of an upload', () => {
  const upload = async (bytes: Uint8Array<ArrayBuffer>, contentType: string, more = {}) => {
    const request = { fileName: 'a.bin', contentType, size: bytes.length, ...more };
    const signed = await service.presign('alice', request);
    expect((await service.put(signed, bytes)).status).toBe(200);
    return { key: signed.objectKey, answer: await service.confirm('alice', signed.objectKey) };
  };

  it('is in every answer with the file', async () => {
    const { answer } = await upload(samples.webp, 'image/jpeg');
    const file = answer.body;
    expect([answer.status, file.detectedContentType]).toEqual([201, 'image/webp']);
    expect((await service.call('alice', `/files/${file.fileId}`)).body).toEqual(file);
    expect((await service.call('alice', '/files?limit=1')).body).toMatchObject({ files: [file] });
    const download = await service.call('alice', '/presign-download', { fileId: file.fileId });
    expect(download.body).toMatchObject({ file });
  });

  it.each([
    [
      'a TIFF whose directory is behind the sample',
      Buffer.concat([samples.tiff(500_000), Buffer.alloc(600_000)]),
      'image/tiff',
    ],
    [
      'a document with a password',
      samples.cfb,
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
    ['CSV under the type from Windows', samples.text('a;b\r\n1;2'), 'application/vnd.ms-excel'],
    ['TypeScript under the type from macOS', samples.text('export const a = 1;'), 'video/mp2t'],
    ['sound in MP4 under the type from Android', samples.isoMedia('M4A '), 'audio/mpeg'],
  ])('is returned unchanged: %s', async (_, bytes, contentType) => {
    const { key, answer } = await upload(bytes, contentType);
    expect([answer.status, answer.body.contentType]).toEqual([201, contentType]);
    expect(await service.bucket.read(key)).toEqual(bytes);
  });

  it.each([
    [
      'a program as PNG',
      samples.exe,
      'image/png',
      'the content is a program (application/x-msdownload), not image/png',
    ],
    ['HTML as JPEG', samples.text('<html>'), 'image/jpeg', 'the content is text/html, not image/jpeg'],
    ['a GIF as MP4', samples.gif, 'video/mp4', 'the content is image/gif, not video/mp4'],
  ])('is refused and removed, each time with the same reason: %s', async (_, bytes, contentType, message) => {
    const { key, answer } = await upload(bytes, contentType);
    for (const each of [answer, await service.confirm('alice', key)]) {
      expectProblem(each, 422, 'verification-failed');
      expect(each.body.errors).toEqual([{ path: 'contentType', message }]);
    }
    expect(await service.bucket.read(key)).toBeNull();
  });

  it('must have a type of its document type', async () => {
    const { answer } = await upload(samples.webp, 'image/jpeg', { documentType: 'photo' });
    expectProblem(answer, 422, 'verification-failed');
    expect((await upload(samples.jpeg, 'image/png', { documentType: 'photo' })).answer.status).toBe(201);
  });

  it.each([
    ['text/plain', samples.text('hello'), 'inline'],
    ['text/plain', samples.text('<html>'), 'attachment'],
    ['text/csv', samples.svg, 'attachment'],
    ['image/jpeg', samples.png, 'inline'],
    ['audio/x-musepack', samples.cfb, 'attachment'],
  ])('is shown as %s (%#) only if a browser runs no code in it', async (contentType, bytes, expected) => {
    const { fileId } = (await upload(bytes, contentType)).answer.body;
    const request = { fileId, disposition: 'inline' };
    const signed = await service.call<{ presignedUrl: string }>('alice', '/presign-download', request);
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const get = (path: string) => service.app.request(`/files/${fileId}/${path}?disposition=inline`, { headers });
    const redirect = (await get('download')).headers.get('location') ?? '';
    for (const answer of [await fetch(signed.body.presignedUrl), await fetch(redirect), await get('content')]) {
      expect(answer.headers.get('content-disposition')).toMatch(new RegExp(`^${expected};`));
      await answer.arrayBuffer();
    }
  });
});

describe('a content encoding', () => {
  it('may be that of an upload in signed pieces, which some stores keep', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    expect((await service.put(upload, 'hello')).status).toBe(200);
    const { services } = service;
    const headAndFirstBytes: typeof services.bucket.headAndFirstBytes = async (...these) => {
      const sampled = await services.bucket.headAndFirstBytes(...these);
      return sampled && { ...sampled, object: { ...sampled.object, contentEncoding: 'aws-chunked' } };
    };
    const confirmed = await createApp({ ...services, bucket: { ...services.bucket, headAndFirstBytes } }).request(
      '/confirm-upload',
      {
        method: 'POST',
        headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
        body: JSON.stringify({ objectKey: upload.objectKey }),
      },
    );
    expect(confirmed.status).toBe(201);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  const policies = { photo: { contentTypes: ['image/jpeg', 'image/png'] } };
  service = await startTestService({ env: { UPLOAD_POLICIES: JSON.stringify(policies) } });
});
afterAll(() => service.close());

const RECORDING = { fileName: 'voice.webm', contentType: 'video/webm;codecs=vp8,opus', size: 5 };
const RECORDING_TYPE = 'video/webm; codecs="vp8,opus"';

describe('a content type as the client has it', () => {
  it('is signed, stored and answered in one form', async () => {
    const upload = await service.presign('alice', RECORDING);
    expect(upload.headers).toMatchObject({ 'content-type': RECORDING_TYPE });
    expect(await service.store('alice', 'hello', RECORDING)).toMatchObject({ contentType: RECORDING_TYPE });
  });

  it('is taken by the routes of other clients as well', async () => {
    const params = new URLSearchParams({ filename: 'voice.webm', type: RECORDING.contentType });
    const form = await service.call<{ fields: Record<string, string> }>('alice', `/s3/params?${params}`);
    expect(form.body.fields['Content-Type']).toBe(RECORDING_TYPE);
    const parts = { filename: 'voice.webm', type: RECORDING.contentType, metadata: {} };
    expect((await service.call('alice', '/s3/multipart', parts)).status).toBe(200);
    const put = { method: 'PUT', key: 'voice.webm', expiresIn: 60, contentType: RECORDING.contentType, size: 5 };
    const signed = await service.call('alice', '/sign-request', put);
    expect(signed.body).toMatchObject({ headers: { 'content-type': RECORDING_TYPE } });
  });

  it('is found in whatever case and with whatever spaces', async () => {
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

  it('is told in a query where the plus was not escaped', async () => {
    const { fileId } = await service.store('carol', 'hello', { contentType: 'application/vnd.api+json' });
    const listed = await service.call('carol', '/files?contentType=application/vnd.api+json');
    expect(listed.body).toMatchObject({ files: [{ fileId }] });
    const form = await service.call<{ fields: Record<string, string> }>(
      'carol',
      '/s3/params?filename=a.svg&type=image/svg+xml&metadata[type]=image/svg+xml',
    );
    expect(form.body.fields['Content-Type']).toBe('image/svg+xml');
  });

  it('meets a policy that has another name of it', async () => {
    const request = { fileName: 'a.jpg', contentType: 'image/jpg', size: 5, documentType: 'photo' };
    expect((await service.call('alice', '/presign-upload', request)).status).toBe(200);
  });
});

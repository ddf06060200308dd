import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { type Returned, type Sent, startStoreInFront } from '../doctor/store-in-front.ts';
import { mint, startTestBucket, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

let service: TestService;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;

const honest = (_: Sent, passOn: () => Promise<Returned>) => passOn();
let meddling = honest;
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, (sent, passOn) => meddling(sent, passOn));
  // Only the service waits: its clients reach the bucket.
  service = await startTestService({
    env: { ...bucket.env, S3_ENDPOINT: front.url, S3_PUBLIC_ENDPOINT: bucket.endpoint },
  });
});
afterEach(() => {
  meddling = honest;
});
afterAll(async () => {
  await service.close();
  await front.stop();
  await bucket.close();
});

describe('a user with slow uploads', () => {
  it('does not prevent others from confirming', async () => {
    const sendForm = async (user: string) => {
      const { body } = await service.call<Upload & { fields: Record<string, string> }>(user, '/presign-upload', {
        fileName: 'a.png',
        contentType: 'image/png',
        size: PNG.length,
        method: 'POST',
      });
      const form = new FormData();
      for (const [name, value] of Object.entries(body.fields)) form.append(name, value);
      form.append('file', new Blob([PNG]), 'a.png');
      expect((await fetch(body.presignedUrl, { method: 'POST', body: form })).status).toBe(204);
      return body.objectKey;
    };
    const keys = await Promise.all(Array.from({ length: 70 }, () => sendForm('alice')));
    const ofBob = await sendForm('bob');
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let copying = 0;
    meddling = async ({ headers }, passOn) => {
      if (String(headers['x-amz-copy-source']).includes('alice')) {
        copying++;
        await released;
      }
      return passOn();
    };
    const confirming = keys.map((key) => service.confirm('alice', key));
    await expect.poll(() => copying).toBe(16);
    expect((await service.confirm('bob', ofBob)).status).toBe(201);
    expect(copying).toBe(16);
    release();
    // On a slow machine some may have waited for too long.
    for (const { status } of await Promise.all(confirming)) expect([201, 503]).toContain(status);
  });

  it.each([
    { path: '/list-parts', method: 'GET', atOnce: 2, status: 200 },
    { path: '/abort-upload', method: 'HEAD', atOnce: 16, status: 204 },
  ])('does not prevent others from $path', async ({ path, method, atOnce, status }) => {
    const begin = async (user: string) => {
      const { body } = await service.call<{ objectKey: string; uploadId: string }>(user, '/presign-upload', {
        fileName: 'a.png',
        contentType: 'image/png',
        size: 7,
        method: 'MULTIPART',
      });
      return { objectKey: body.objectKey, ...(method === 'GET' && { uploadId: body.uploadId }) };
    };
    const [ofAlice, ofBob] = [await begin('alice'), await begin('bob')];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked = 0;
    meddling = async (sent, passOn) => {
      if (sent.method === method && sent.path.includes('/alice/')) {
        asked++;
        await released;
      }
      return passOn();
    };
    const asking = Array.from({ length: 20 }, () => service.call('alice', path, ofAlice));
    await expect.poll(() => asked).toBe(atOnce);
    expect((await service.call('bob', path, ofBob)).status).toBe(status);
    expect(asked).toBe(atOnce);
    release();
    for (const answer of await Promise.all(asking)) expect([status, 503]).toContain(answer.status);
  });
});

describe('a confirmation whose database fails before its bucket answers', () => {
  it('keeps its slot until the bucket has answered', async () => {
    const upload = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: PNG.length });
    expect((await service.put(upload, PNG)).status).toBe(200);
    const { objectKey } = upload;
    // The first confirmation asks the bucket alone; a repeated one asks for the row at the same time.
    expect((await service.call('alice', '/confirm-upload', { objectKey })).status).toBe(201);
    let answerNow = () => {};
    const held = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    meddling = (_, passOn) => held.then(passOn);
    let hasFailed = false;
    const findAny = async () => {
      hasFailed = true;
      throw new Problem('database-unavailable', 'down');
    };
    const { services } = service;
    const app = createApp({ ...services, files: { ...services.files, findAny } });
    const headers = { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' };
    const answering = app.request('/confirm-upload', { method: 'POST', headers, body: JSON.stringify({ objectKey }) });
    await expect.poll(() => hasFailed).toBe(true);
    expect(services.confirming.counts().running).toBe(1);
    answerNow();
    expect((await answering).status).toBe(503);
    expect(services.confirming.counts().running).toBe(0);
  });
});

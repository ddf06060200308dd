import { once } from 'node:events';
import { connect as connectHttp2, createServer } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { startServer } from '../../src/http/start-server.ts';
import { type Returned, type Sent, startStoreInFront } from '../doctor/store-in-front.ts';
import { listen } from '../helpers/listen.ts';
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

describe('a user who does not read the answers', () => {
  it('gets no more of the large ones; others do', async () => {
    for (const user of ['alice', 'bob']) await service.store(user, 'hello');
    const { services } = service;
    let listed = 0;
    const list: typeof services.files.list = async (page) => {
      const [file] = await services.files.list({ ...page, limit: 1 });
      listed++;
      return file === undefined ? [] : Array(1000).fill({ ...file, row: { ...file.row, fileName: 'a'.repeat(8192) } });
    };
    const app = createApp({ ...services, files: { ...services.files, list } });
    const server = await startServer(app.fetch, { host: '127.0.0.1', port: 0, keepAliveSeconds: 5 });
    const guest = await mint('alice', { signpost: { maxFiles: 1 } });
    const tokens = { alice: await mint('alice'), guest, bob: await mint('bob') };
    const statusOf = async (user: keyof typeof tokens, path = '/files?limit=1000') => {
      const headers = { authorization: `Bearer ${tokens[user]}` };
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
      await answer.arrayBuffer();
      if (answer.status === 429) expect(answer.headers.get('retry-after')).toBe('1');
      return answer.status;
    };
    const leaveUnread = (times: number): Socket => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      const request = `GET /files?limit=1000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.alice}\r\n\r\n`;
      socket.write(request.repeat(times));
      return socket;
    };

    // One after the other, they are read: no number of them is too many.
    for (let times = 0; times < 6; times++) expect(await statusOf('alice')).toBe(200);
    const unread = [3, 1, 1].map(leaveUnread);
    await expect.poll(() => listed).toBe(6 + 5);
    await expect.poll(() => statusOf('alice')).toBe(429);
    expect(await statusOf('alice', '/limits')).toBe(200);
    for (const other of ['bob', 'guest'] as const) expect(await statusOf(other)).toBe(200);
    for (const socket of unread) socket.destroy();
    await expect.poll(() => statusOf('alice')).toBe(200);
    await server.stop();
  });
});

describe('a user who leaves before the answer', () => {
  it('has nothing left unread, also over HTTP/2', async () => {
    await service.store('alice', 'hello');
    const { services } = service;
    let [asked, answered] = [0, 0];
    let answerAll = () => {};
    const held = new Promise<void>((resolve) => {
      answerAll = resolve;
    });
    const list: typeof services.files.list = async (page) => {
      const [file] = await services.files.list({ ...page, limit: 1 });
      if (asked++ < 5) await held;
      answered++;
      return file === undefined ? [] : Array(1000).fill({ ...file, row: { ...file.row, fileName: 'a'.repeat(8192) } });
    };
    const app = createApp({ ...services, files: { ...services.files, list } });
    const server = createServer(getRequestListener(app.fetch));
    const client = connectHttp2(await listen(server));
    const authorization = `Bearer ${await mint('alice')}`;
    const ask = () => client.request({ ':path': '/files?limit=1000', authorization });
    const left = Array.from({ length: 5 }, ask);
    await expect.poll(() => asked).toBe(5);
    for (const stream of left) stream.close();
    await Promise.all(left.map((stream) => once(stream, 'close')));
    // An answer to a later request of the connection: the server has closed the earlier ones.
    const [{ ':status': before }] = await once(ask().resume(), 'response');
    answerAll();
    await expect.poll(() => answered).toBe(6);
    const [{ ':status': after }] = await once(ask().resume(), 'response');
    expect([before, after]).toEqual([200, 200]);
    client.close();
    server.close();
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

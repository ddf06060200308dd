import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  expectProblem,
  mint,
  startTestBucket,
  startTestService,
  type TestService,
  type Upload,
} from '../helpers/test-service.ts';

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };

let service: TestService;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let bucketRelay: Awaited<ReturnType<typeof startRelay>>;
let databaseRelay: Awaited<ReturnType<typeof startRelay>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
  bucketRelay = await startRelay(bucket.endpoint);
  databaseRelay = await startRelay(database.url);
  service = await startTestService({
    // Only the service uses the relay: its clients reach the bucket.
    env: {
      ...bucket.env,
      S3_ENDPOINT: bucketRelay.url,
      S3_PUBLIC_ENDPOINT: bucket.endpoint,
      DATABASE_URL: databaseRelay.url,
      PROXY_DOWNLOADS: 'true',
    },
  });
});
afterAll(async () => {
  await service.close();
  await bucketRelay.goAway();
  await databaseRelay.goAway();
  await bucket.close();
  await database.drop();
});

const expectUnavailable = async (what: 'storage' | 'database', answer: Promise<Answer>) => {
  const { status, headers, body } = await answer;
  expectProblem({ status, headers, body }, 503, `${what}-unavailable`);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
};

const readyz = async (query = '', on = service) => {
  // The readiness check reuses its answer for a second.
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  const response = await on.app.request(`/readyz${query}`);
  return { status: response.status, body: await response.json() };
};
const READY = { status: 200, body: { status: 'ok', signing: 'ok', bucket: 'ok', database: 'ok' } };

describe.each(['gone', 'hanging'])('a bucket that is %s', (how) => {
  const takeAway = async () => (how === 'gone' ? bucketRelay.goAway() : bucketRelay.setSilent(true));
  const giveBack = async () => (how === 'gone' ? bucketRelay.comeBack() : bucketRelay.setSilent(false));

  it('does not affect presigning, makes confirming a 503, and loses nothing', async () => {
    const stored = await service.store('alice', 'hello');
    const waiting = await service.presign('alice', TEXT);
    await service.put(waiting, 'hello');
    await takeAway();
    try {
      await service.presign('alice', TEXT);
      expect((await service.call('alice', '/presign-download', { fileId: stored.fileId })).status).toBe(200);
      const [ready, full] = await Promise.all([
        readyz(),
        readyz('?full'),
        expectUnavailable('storage', service.confirm('alice', waiting.objectKey)),
        // The wait for headers has the same limit.
        expectUnavailable('storage', service.call('alice', `/files/${stored.fileId}/content`)),
      ]);
      expect(ready).toEqual({ status: 200, body: { ...READY.body, status: 'degraded', bucket: 'does not answer' } });
      expect(full).toMatchObject({ status: 503, body: { code: 'storage-unavailable', errors: [{ path: 'bucket' }] } });
    } finally {
      await giveBack();
    }
    expect((await service.confirm('alice', waiting.objectKey)).status).toBe(201);
    expect(await readyz('?full')).toEqual(READY);
    expect(await readyz()).toEqual(READY);
  });
});

describe.each(['gone', 'hanging'])('a database that is %s', (how) => {
  const takeAway = async () => (how === 'gone' ? databaseRelay.goAway() : databaseRelay.setSilent(true));
  const giveBack = async () => (how === 'gone' ? databaseRelay.comeBack() : databaseRelay.setSilent(false));

  it('does not affect presigning and uploading, makes the rest a 503, and loses nothing', async () => {
    await takeAway();
    const upload = await service.presign('alice', TEXT);
    try {
      expect((await service.put(upload, 'hello')).status).toBe(200);
      expect((await service.app.request('/healthz')).status).toBe(200);
      const [ready, full] = await Promise.all([
        readyz(),
        readyz('?full'),
        expectUnavailable('database', service.confirm('alice', upload.objectKey)),
        expectUnavailable('database', service.call('alice', '/files')),
        expectUnavailable('database', service.call('alice', '/presign-download', { fileId: upload.fileId })),
      ]);
      expect(ready).toEqual({ status: 200, body: { ...READY.body, status: 'degraded', database: 'does not answer' } });
      expect(full).toMatchObject({
        status: 503,
        body: { code: 'database-unavailable', errors: [{ path: 'database' }] },
      });
    } finally {
      await giveBack();
    }
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
  });
});

describe('GET /readyz', () => {
  const withRelay = async (options: Parameters<typeof startTestService>[0] = {}) => {
    const relay = await startRelay(database.url);
    const on = await startTestService({ ...options, env: { DATABASE_URL: relay.url } });
    return { relay, on, close: () => on.close().then(relay.goAway) };
  };

  it('asks the database only while requests use it, so that it can sleep', async () => {
    const { relay, on, close } = await withRelay();
    expect(await readyz('', on)).toEqual(READY);
    await relay.goAway();
    expect(await readyz('', on)).toEqual(READY);
    await expectUnavailable('database', on.call('alice', '/files'));
    expect(await readyz('', on)).toMatchObject({ status: 200, body: { database: 'does not answer' } });
    await relay.comeBack();
    expect(await readyz('', on)).toEqual(READY);
    await close();
  });

  it('works when the host’s clock is set back', async () => {
    let stepMs = 0;
    const { relay, on, close } = await withRelay({ now: () => new Date(Date.now() - stepMs) });
    expect(await readyz('?full', on)).toEqual(READY);
    stepMs = 3_600_000;
    await relay.goAway();
    expect((await readyz('?full', on)).status).toBe(503);
    stepMs = 7_200_000;
    await relay.comeBack();
    expect(await readyz('?full', on)).toEqual(READY);
    await close();
  });

  it('is 503 once the service is about to stop, while requests are still served', async () => {
    const stop = new AbortController();
    const other = await startTestService({ stopping: stop.signal });
    expect((await readyz('', other)).status).toBe(200);
    stop.abort();
    for (const query of ['', '?full']) {
      expect(await readyz(query, other)).toMatchObject({ status: 503, body: { code: 'stopping' } });
    }
    expect((await other.app.request('/healthz')).status).toBe(200);
    expect((await other.call('alice', '/files')).status).toBe(200);
    expect(other.logs.filter(({ level }) => level === 'error')).toEqual([]);
    await other.close();
  });

  it('is 503 without credentials to sign with', async () => {
    let now = new Date();
    const env = { AWS_SESSION_TOKEN: 'x', AWS_CREDENTIAL_EXPIRATION: new Date(Date.now() + 60_000).toISOString() };
    const other = await startTestService({ env, now: () => now });
    now = new Date(Date.now() + 120_000);
    expect(await readyz('', other)).toMatchObject({ status: 503, body: { code: 'storage-unavailable' } });
    await other.close();
  });
});

describe('a bucket that does not exist', () => {
  it('is a 503, not a missing object', async () => {
    const other = await startTestService({ env: { S3_BUCKET_NAME: 'no-such-bucket-here' } });
    try {
      const upload = await other.presign('alice', TEXT);
      await expectUnavailable('storage', other.confirm('alice', upload.objectKey));
    } finally {
      await other.close();
    }
  });
});

describe('credentials that the bucket refuses', () => {
  it('are a 503, not a missing object', async () => {
    const other = await startTestService({ env: { AWS_SECRET_ACCESS_KEY: 'wrong' } });
    try {
      const upload = await other.presign('alice', TEXT);
      await expectUnavailable('storage', other.confirm('alice', upload.objectKey));
      expect(JSON.stringify(other.logs)).not.toMatch(/Signature=|StringToSign/);
    } finally {
      await other.close();
    }
  });
});

describe('an adoption whose row was inserted without an answer', () => {
  it('is a 503, keeps the copy that the row names, and is known to a repeated call', async () => {
    await bucket.write('alice/photos/a.txt', 'hello', { ContentType: 'text/plain' });
    const { files } = service.services;
    const insert: typeof files.insert = async (...these) => {
      await files.insert(...these);
      throw unavailable('database', new Error('the answer is lost'));
    };
    const adopt = async (on: TestService['services']) => {
      const answer = await createApp(on).request('/confirm-upload', {
        method: 'POST',
        headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
        body: JSON.stringify({ objectKey: 'alice/photos/a.txt', adopt: true }),
      });
      return { status: answer.status, body: (await answer.json()) as { fileId: string } };
    };
    expect((await adopt({ ...service.services, files: { ...files, insert } })).status).toBe(503);
    const { status, body } = await adopt(service.services);
    expect(status).toBe(200);
    const { presignedUrl } = (await service.call<Upload>('alice', '/presign-download', { fileId: body.fileId })).body;
    expect(await (await fetch(presignedUrl)).text()).toBe('hello');
  });
});

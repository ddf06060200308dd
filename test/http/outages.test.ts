import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  expectProblem,
  startTestBucket,
  startTestService,
  type TestService,
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
    // Only the service goes through the relay: its clients keep reaching the bucket.
    env: {
      ...bucket.env,
      S3_ENDPOINT: bucketRelay.url,
      S3_PUBLIC_ENDPOINT: bucket.endpoint,
      DATABASE_URL: databaseRelay.url,
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

const readyz = async () => {
  // Readiness is remembered for a second.
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  const response = await service.app.request('/readyz');
  return { status: response.status, body: await response.json() };
};

describe.each(['gone', 'hanging'])('a bucket that is %s', (how) => {
  const takeAway = async () => (how === 'gone' ? bucketRelay.goAway() : bucketRelay.setSilent(true));
  const giveBack = async () => (how === 'gone' ? bucketRelay.comeBack() : bucketRelay.setSilent(false));

  it('leaves presigning alone, makes confirming a 503, and loses nothing', async () => {
    const stored = await service.store('alice', 'hello');
    const waiting = await service.presign('alice', TEXT);
    await service.put(waiting, 'hello');
    await takeAway();
    try {
      await service.presign('alice', TEXT);
      expect((await service.call('alice', '/presign-download', { fileId: stored.fileId })).status).toBe(200);
      const [ready] = await Promise.all([
        readyz(),
        expectUnavailable('storage', service.confirm('alice', waiting.objectKey)),
      ]);
      expect(ready).toMatchObject({ status: 503, body: { code: 'storage-unavailable' } });
      expect(ready.body).toMatchObject({ errors: [{ path: 'bucket' }] });
    } finally {
      await giveBack();
    }
    expect((await service.confirm('alice', waiting.objectKey)).status).toBe(201);
    expect((await readyz()).body).toEqual({ status: 'ok', bucket: 'ok', database: 'ok' });
  });
});

describe.each(['gone', 'hanging'])('a database that is %s', (how) => {
  const takeAway = async () => (how === 'gone' ? databaseRelay.goAway() : databaseRelay.setSilent(true));
  const giveBack = async () => (how === 'gone' ? databaseRelay.comeBack() : databaseRelay.setSilent(false));

  it('leaves presigning and uploading alone, makes the rest a 503, and loses nothing', async () => {
    await takeAway();
    const upload = await service.presign('alice', TEXT);
    try {
      expect((await service.put(upload, 'hello')).status).toBe(200);
      expect((await service.app.request('/healthz')).status).toBe(200);
      const [ready] = await Promise.all([
        readyz(),
        expectUnavailable('database', service.confirm('alice', upload.objectKey)),
        expectUnavailable('database', service.call('alice', '/files')),
        expectUnavailable('database', service.call('alice', '/presign-download', { fileId: upload.fileId })),
      ]);
      expect(ready).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });
      expect(ready.body).toMatchObject({ errors: [{ path: 'database' }] });
    } finally {
      await giveBack();
    }
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
  });
});

describe('a bucket that does not exist', () => {
  it('is a 503 and not a missing object', async () => {
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
  it('are a 503 and not a missing object', async () => {
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

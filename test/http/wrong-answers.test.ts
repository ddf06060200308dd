import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sweep } from '../../src/jobs/sweep.ts';
import { type Returned, type Sent, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import {
  expectProblem,
  startTestBucket,
  startTestService,
  type TestService,
  type Upload,
} from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';

const SECRET = 'the secret of bucket events';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const DAY_MS = 86_400_000;
const TWO_DAYS_ON = { bucket: 2 * DAY_MS, database: 2 * DAY_MS, host: 2 * DAY_MS };

let service: TestService;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;

/** Answers instead of the bucket, or passes the bucket's answer on. */
type Meddling = (sent: Sent, passOn: () => Promise<Returned>) => Promise<Returned>;
const honest: Meddling = (_, passOn) => passOn();
let meddling = honest;
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, (sent, passOn) => meddling(sent, passOn));
  service = await startTestService({
    // Only the service gets these answers: its clients reach the bucket.
    env: {
      ...bucket.env,
      S3_ENDPOINT: front.url,
      S3_PUBLIC_ENDPOINT: bucket.endpoint,
      EVENTS_SECRET: SECRET,
      PROXY_DOWNLOADS: 'true',
      MULTIPART_PART_BYTES: String(5 * 1024 ** 2),
    },
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

const upload = async (fileName = 'a.png'): Promise<Upload> => {
  const presigned = await service.presign('alice', { fileName, contentType: 'image/png', size: PNG.length });
  expect((await service.put(presigned, PNG)).status).toBe(200);
  return presigned;
};
const store = async () => {
  const presigned = await upload();
  expect((await service.confirm('alice', presigned.objectKey)).status).toBe(201);
  return presigned;
};
const tellOf = (objectKey: string) =>
  service.call(
    'nobody',
    '/events/s3',
    {
      Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: bucket.name }, object: { key: objectKey } } }],
    },
    { headers: { authorization: `Bearer ${SECRET}` } },
  );
const readContent = (fileId: string) =>
  service.call('alice', `/files/${fileId}/content`).catch((error: unknown) => error);
const stillThere = async ({ objectKey }: Upload) => expect(await bucket.read(objectKey)).toEqual(PNG);
const openUploads = async () =>
  (await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }))).Uploads?.length ?? 0;

const always =
  (answer: Returned): Meddling =>
  async () =>
    answer;
const page = (status: number, more: Record<string, string> = {}): Meddling =>
  always({
    status,
    headers: { 'content-type': 'text/html', ...more },
    body: '<!doctype html><title>Maintenance</title>',
  });
const IN_PARTS = { fileName: 'a.bin', contentType: 'application/octet-stream', size: 6, method: 'MULTIPART' };
const nothing = (status: number) => always({ status, headers: {}, body: '' });
const xml = (status: number, body: string) => always({ status, headers: { 'content-type': 'application/xml' }, body });

describe.each([
  ['a page with 200', page(200)],
  [
    'a page of a web server with ETag, date and length',
    page(200, { etag: '"5f-3"', 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT' }),
  ],
  ["CloudFront's page", page(200, { 'x-amz-cf-id': 'a', 'x-amz-cf-pop': 'b', etag: '"5f-3"' })],
  ['an answer of another service', always({ status: 200, headers: { etag: '"5f-3"' }, body: '{}' })],
  ['an empty 200', nothing(200)],
  ['a 204', nothing(204)],
  ['a login somewhere else', page(302, { location: 'https://login.example.com/' })],
  ['a page that says 404', page(404)],
  ['a page that says 403', page(403)],
  ['a page that says 412', page(412)],
  ['an XML page', xml(200, '<rss><Name>a</Name></rss>')],
  ['an XML page that says 404', xml(404, '<error>no</error>')],
])('%s instead of every answer of the bucket', (_, how) => {
  it('removes nothing, burns no id, and is a 503', async () => {
    const [toConfirm, toTell, toAbort, toSweep] = [await upload(), await upload(), await upload(), await upload()];
    const [toRead, toDelete] = [await store(), await store()];
    const begun = await service.call<{ objectKey: string; uploadId: string }>('alice', '/presign-upload', IN_PARTS);
    const open = await openUploads();
    meddling = how;
    const { objectKey, uploadId } = begun.body;
    for (const answer of [
      await service.confirm('alice', toConfirm.objectKey),
      await tellOf(toTell.objectKey),
      await service.call('alice', '/abort-upload', { objectKey: toAbort.objectKey }),
      await service.call('alice', '/abort-upload', { objectKey, uploadId }),
      await service.call('alice', '/confirm-upload', { objectKey, uploadId }),
      await service.call('alice', '/list-parts', { objectKey, uploadId }),
      await service.call('alice', '/presign-upload', IN_PARTS),
      await service.call('alice', `/files/${toRead.fileId}/content`),
    ]) {
      expectProblem(answer, 503, 'storage-unavailable');
    }
    await expect(service.services.bucket.ping()).rejects.toThrow();
    expect((await service.call('alice', `/files/${toDelete.fileId}`, undefined, { method: 'DELETE' })).status).toBe(
      204,
    );
    await sweep(withClocks(service.services, TWO_DAYS_ON)).catch(() => {});

    meddling = honest;
    for (const each of [toConfirm, toTell, toAbort, toSweep, toRead, toDelete]) await stillThere(each);
    expect(await openUploads()).toBe(open);
    const [{ object_removed_at } = {}] = await service.database.query('select * from files where id = $1', [
      toDelete.fileId,
    ]);
    expect(object_removed_at).toBeNull();
    for (const each of [toConfirm, toAbort, toSweep]) {
      expect((await service.confirm('alice', each.objectKey)).status).toBe(201);
    }
    expect((await tellOf(toTell.objectKey)).body).toMatchObject({ confirmed: 1, refused: 0 });
    await service.services.bucket.ping();
  });
});

/** Changes only the bucket's answer to a GET of an object. */
const bytes =
  (change: (answer: Returned) => Returned): Meddling =>
  async ({ method, query }, passOn) => {
    const answer = await passOn();
    return method === 'GET' && !query.has('list-type') ? change(answer) : answer;
  };
const cut = (count: number) =>
  bytes((answer) => ({
    ...answer,
    headers: { ...answer.headers, 'content-length': String(count) },
    body: answer.body.slice(0, count),
  }));
const header = (name: string, value: string) =>
  bytes((answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } }));

describe.each([
  ['no bytes', cut(0)],
  ['four bytes', cut(4)],
  ['a longer length', bytes((answer) => ({ ...answer, headers: { ...answer.headers, 'content-length': '9999' } }))],
  ['the bytes of another object', header('etag', '"0123456789abcdef0123456789abcdef"')],
  ['the bytes of another range', header('content-range', `bytes 7-76/${PNG.length}`)],
  ['another status', bytes((answer) => ({ ...answer, status: answer.status === 206 ? 200 : 206 }))],
  ['a page', bytes(() => ({ status: 200, headers: { 'content-type': 'text/html', etag: '"5f-3"' }, body: '<p>' }))],
])('%s instead of a file’s bytes', (name, how) => {
  it('removes nothing, burns no id, and is a 503', async () => {
    const [toConfirm, toTell, toRead] = [await upload(), await upload(), await store()];
    meddling = how;
    expectProblem(await service.confirm('alice', toConfirm.objectKey), 503, 'storage-unavailable');
    expectProblem(await tellOf(toTell.objectKey), 503, 'storage-unavailable');
    // A wrong length shows only at the end.
    if (name !== 'a longer length') expect(await readContent(toRead.fileId)).toMatchObject({ status: 503 });
    meddling = honest;
    for (const each of [toConfirm, toTell, toRead]) await stillThere(each);
    expect((await service.confirm('alice', toConfirm.objectKey)).status).toBe(201);
    expect((await tellOf(toTell.objectKey)).body).toMatchObject({ confirmed: 1 });
  });
});

const WRONG_HEADERS: [string, Record<string, string>][] = [
  ['ETag and length', { etag: '"f"', 'content-length': '9' }],
  ['metadata', { 'x-amz-meta-signpost-size': '9' }],
];
it.each(WRONG_HEADERS)('a HEAD with another %s than GET removes nothing, and is a 503', async (_name, change) => {
  const toConfirm = await upload();
  meddling = async ({ method }, passOn) => {
    const { headers, ...answer } = await passOn();
    return { ...answer, headers: { ...headers, ...(method === 'HEAD' && change) } };
  };
  expectProblem(await service.confirm('alice', toConfirm.objectKey), 503, 'storage-unavailable');
  meddling = honest;
  expect((await service.confirm('alice', toConfirm.objectKey)).status).toBe(201);
});

describe('a temporary answer of the bucket', () => {
  it('is requested again: a 403 for a wrong clock does not mean a missing object', async () => {
    const toConfirm = await upload();
    let refused = 0;
    meddling = async ({ method, path }, passOn) =>
      method === 'HEAD' && path.endsWith('a.png') && refused++ === 0 ? s3Error(403, 'Forbidden') : passOn();
    expect((await service.confirm('alice', toConfirm.objectKey)).status).toBe(201);
    expect(refused).toBeGreaterThan(1);
  });

  it('gives a 503 and not a changed file if the bucket is gone', async () => {
    const [toRead, toConfirm, toDelete] = [await store(), await upload(), await store()];
    meddling = async ({ method }, passOn) => (method === 'HEAD' ? passOn() : s3Error(404, 'NoSuchBucket'));
    expectProblem(await service.call('alice', `/files/${toRead.fileId}/content`), 503, 'storage-unavailable');
    expectProblem(await service.confirm('alice', toConfirm.objectKey), 503, 'storage-unavailable');
    await service.call('alice', `/files/${toDelete.fileId}`, undefined, { method: 'DELETE' });
    const [row] = await service.database.query('select * from files where id = $1', [toDelete.fileId]);
    expect(row).toMatchObject({ status: 'deleted', object_removed_at: null });
  });

  it('requests another delivery of an event if the object changed meanwhile', async () => {
    const toTell = await upload();
    meddling = async ({ method }, passOn) => (method === 'GET' ? s3Error(412, 'PreconditionFailed') : passOn());
    expectProblem(await tellOf(toTell.objectKey), 503, 'storage-unavailable');
    meddling = honest;
    expect((await tellOf(toTell.objectKey)).body).toMatchObject({ confirmed: 1 });
  });

  it('completes nothing if the list of parts is truncated', async () => {
    const begun = await service.call<{ objectKey: string; uploadId: string }>('alice', '/presign-upload', IN_PARTS);
    const { objectKey, uploadId } = begun.body;
    meddling = async (_, passOn) => {
      const { status, headers, body } = await passOn();
      const half = String(body).replace('<IsTruncated>false', '<IsTruncated>true');
      return { status, headers: { ...headers, 'content-length': String(half.length) }, body: half };
    };
    expectProblem(await service.call('alice', '/list-parts', { objectKey, uploadId }), 503, 'storage-unavailable');
  });
});

describe('a store whose answers without a body have no S3 header, like Cloudflare R2', () => {
  it('is believed if its listing confirms the answer', async () => {
    meddling = async (_, passOn) => {
      const { headers, ...answer } = await passOn();
      const kept = Object.entries(headers).filter(([name]) => !/^x-amz-(?!meta-)|^x-rgw/.test(name));
      return { ...answer, headers: Object.fromEntries(kept) };
    };
    await service.services.bucket.ping();
    const absent = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: 7 });
    expectProblem(await service.confirm('alice', absent.objectKey), 404, 'object-not-found');
    const { fileId } = await store();
    expect((await service.app.request('/readyz?full')).status).toBe(200);
    await service.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' });
    const [row] = await service.database.query('select * from files where id = $1', [fileId]);
    expect(row).toMatchObject({ status: 'deleted', object_removed_at: expect.any(Date) });
    const aborted = await upload();
    expect((await service.call('alice', '/abort-upload', { objectKey: aborted.objectKey })).status).toBe(204);
    expect(await bucket.read(aborted.objectKey)).toBeNull();
    const { counts } = await sweep(withClocks(service.services, TWO_DAYS_ON));
    expect(counts.listed).toBeGreaterThan(0);
    // Without metadata, even the HEAD of an object has no such header.
    for (const text of ['put by other means', '']) {
      await bucket.write('alice/plain.txt', text, { ContentType: 'text/plain' });
      const { status, body } = await service.call('alice', '/confirm-upload', {
        objectKey: 'alice/plain.txt',
        adopt: true,
      });
      expect([status, body.size]).toEqual([201, text.length]);
    }
  });
});

describe('an object that is archived in the bucket', () => {
  it('stays a file, and is confirmed again on an instance that has not confirmed it', async () => {
    const { objectKey } = await store();
    for (let i = 0; i < 10_000; i++) service.services.confirmed.add(`other ${i}`);
    meddling = ({ method }, passOn) =>
      method === 'GET' ? Promise.resolve(s3Error(403, 'InvalidObjectState')) : passOn();
    expect((await service.confirm('alice', objectKey)).status).toBe(200);
  });

  it('is not adopted, which a later call would not change: 422, and it stays', async () => {
    await bucket.write('alice/old.txt', 'archived', { ContentType: 'text/plain' });
    meddling = (sent, passOn) =>
      sent.method === 'GET' && sent.path.endsWith('/old.txt')
        ? Promise.resolve(s3Error(403, 'InvalidObjectState'))
        : passOn();
    const body = { objectKey: 'alice/old.txt', adopt: true };
    const answer = await service.call('alice', '/confirm-upload', body);
    expectProblem(answer, 422, 'verification-failed');
    expect(answer.body.errors).toEqual([
      { path: 'objectKey', message: 'is archived in the bucket: restore it there first' },
    ]);
    expect(await bucket.read('alice/old.txt')).not.toBeNull();
  });
});

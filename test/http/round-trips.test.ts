import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MARKER_NAME } from '../../src/jobs/examine-marker.ts';
import { type Returned, startStoreInFront } from '../doctor/store-in-front.ts';
import { mint, startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';
import { readSamples } from '../telemetry/read-samples.ts';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;
let service: TestService;
/** The methods of the requests to the bucket. */
const sent: string[] = [];
/** Waits before an answer of the bucket is passed on. */
let holding: (method: string) => Promise<void> = async () => {};
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, async ({ method, path }, passOn) => {
    const answer: Returned = await passOn();
    // Which database uses the bucket is asked in the background.
    if (path.includes(MARKER_NAME)) return answer;
    sent.push(method);
    await holding(method);
    return answer;
  });
  service = await startTestService({
    env: {
      ...bucket.env,
      S3_ENDPOINT: front.url,
      S3_PUBLIC_ENDPOINT: bucket.endpoint,
      METRICS_PORT: '0',
      PROXY_DOWNLOADS: 'true',
      QUOTA_FILES: '1000',
      JOBS_INTERVAL_SECONDS: '0',
    },
  });
  // Usage is waited for only so long, and the first statement opens a connection.
  await service.services.files.usage('alice');
});
afterAll(async () => {
  await service.close();
  await front.stop();
  await bucket.close();
});

/** Counts files for the bucket's marker, in the background. The routes' own statements have names. */
const BACKGROUND = 'select files';

/** The statements on files and usage. */
const STATEMENT = /^signpost_database_statement_duration_seconds_count\{operation="(.*file.*)"\}$/;

async function statements(): Promise<Record<string, number>> {
  const samples = Object.entries(readSamples((await service.services.metrics.text()).text));
  const named = samples.map(([name, value]) => [STATEMENT.exec(name)?.[1] ?? '', value] as const);
  return Object.fromEntries(named.filter(([name]) => name !== '' && name !== BACKGROUND));
}

/** What an act asked of the bucket and the database: methods and statements, each as often as it was sent. */
async function asked(act: () => Promise<{ status: number }>, status: number): Promise<string[]> {
  const before = await statements();
  sent.length = 0;
  expect((await act()).status).toBe(status);
  const after = Object.entries(await statements());
  const ran = after.flatMap(([name, n]) => Array.from({ length: n - (before[name] ?? 0) }, () => name));
  return [...ran, ...sent].sort();
}

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const post = (path: string, body: unknown) => () => service.call('alice', path, body);
const uploaded = async (text = 'hello', request = {}) => {
  const upload = await service.presign('alice', { ...TEXT, size: text.length, ...request });
  expect((await service.put(upload, text)).status).toBe(200);
  return upload;
};
const stored = () => service.store('alice', 'hello');

describe('what a route asks of the bucket and the database', () => {
  it('is the user’s usage to presign an upload, and nothing to presign its parts', async () => {
    expect(await asked(post('/presign-upload', TEXT), 200)).toEqual(['file_usage_find']);
    expect(await asked(post('/presign-upload/batch', { files: [TEXT, TEXT, TEXT] }), 200)).toEqual(['file_usage_find']);
    const { body } = await service.call('alice', '/presign-upload', { ...TEXT, method: 'MULTIPART' });
    const { objectKey, uploadId } = body;
    expect(await asked(post('/presign-parts', { objectKey, uploadId, partNumbers: [1] }), 200)).toEqual([]);
  });

  it('is HEAD and the first bytes to confirm, then the insert; again, HEAD and the row', async () => {
    const { objectKey } = await uploaded();
    const first = ['GET', 'HEAD', 'files_insert'];
    expect(await asked(post('/confirm-upload', { objectKey }), 201)).toEqual(first);
    const again = ['HEAD', 'files_find_any'];
    expect(await asked(post('/confirm-upload', { objectKey }), 200)).toEqual(again);
    // As on an instance that has not confirmed it.
    for (let i = 0; i < 10_000; i++) service.services.confirmed.add(`other ${i}`);
    const elsewhere = ['GET', 'HEAD', 'files_find_any', 'files_insert'];
    expect(await asked(post('/confirm-upload', { objectKey }), 200)).toEqual(elsewhere);
    expect(await asked(post('/confirm-upload', { objectKey }), 200)).toEqual(again);
    await service.database.query(`delete from files where object_key = '${objectKey}'`);
    expect(await asked(post('/confirm-upload', { objectKey }), 201)).toEqual(elsewhere);
    const empty = await uploaded('');
    expect(await asked(post('/confirm-upload', { objectKey: empty.objectKey }), 201)).toEqual(first);
  });

  it('is the row before what is costly to confirm: a copy, or hashing the whole object', async () => {
    const { body } = await service.call<{ objectKey: string; presignedUrl: string; fields: Record<string, string> }>(
      ...(['alice', '/presign-upload', { ...TEXT, method: 'POST' }] as const),
    );
    const form = new FormData();
    for (const [name, value] of Object.entries(body.fields)) form.append(name, value);
    form.append('file', new Blob(['hello']));
    expect((await fetch(body.presignedUrl, { method: 'POST', body: form })).ok).toBe(true);
    const { objectKey } = body;
    expect(await asked(post('/confirm-upload', { objectKey }), 201)).toContain('files_find_any');
  });

  it('is one statement to presign downloads', async () => {
    const [{ fileId, objectKey }, other] = [await stored(), await stored()];
    const one = ['files_find_to_download'];
    expect(await asked(post('/presign-download', { fileId }), 200)).toEqual(one);
    expect(await asked(post('/presign-download', { objectKey }), 200)).toEqual(one);
    expect(await asked(post('/presign-download/batch', { fileIds: [fileId, other.fileId] }), 200)).toEqual(one);
    expect(await asked(() => service.call('alice', `/files/${fileId}/download`), 302)).toEqual(one);
  });

  it('is a statement and a GET to read a file through the service', async () => {
    const { fileId } = await stored();
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const read = async () => {
      const response = await service.app.request(`/files/${fileId}/content`, { headers });
      await response.text();
      return response;
    };
    expect(await asked(read, 200)).toEqual(['GET', 'files_find_to_download']);
  });

  it('is the change of the row and DELETE to delete a file', async () => {
    const { fileId } = await stored();
    const remove = () => service.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' });
    expect(await asked(remove, 204)).toEqual(['DELETE', 'update files', 'update files']);
  });
});

describe('what confirming asks for at the same time', () => {
  it('is HEAD and the first bytes: neither waits for the other', async () => {
    const { objectKey } = await uploaded();
    const methods: string[] = [];
    let everythingAsked = () => {};
    const all = new Promise<void>((resolve) => {
      everythingAsked = resolve;
    });
    // Each answer of the bucket is held until both have come.
    holding = async (method) => {
      methods.push(method);
      if (methods.length === 2) everythingAsked();
      await all;
    };
    const confirmed = await service.confirm('alice', objectKey);
    holding = async () => {};
    expect(confirmed.status).toBe(201);
    expect(methods.sort()).toEqual(['GET', 'HEAD']);
  });
});

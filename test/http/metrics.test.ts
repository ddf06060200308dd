import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRelay } from '../helpers/relay.ts';
import { mint, startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';
import { readSamples } from '../telemetry/read-samples.ts';

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { METRICS_PORT: '0', PROXY_DOWNLOADS: 'true' } });
});
afterAll(() => service.close());

const samples = async (of = service) => readSamples((await of.services.metrics.text()).text);

/** What the samples grew by. */
async function grown(act: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await samples();
  await act();
  const after = Object.entries(await samples());
  return Object.fromEntries(
    after.map(([name, value]) => [name, value - (before[name] ?? 0)] as const).filter(([, by]) => by !== 0),
  );
}

const REQUESTS = 'signpost_http_request_duration_seconds_count';

describe('the metrics of requests', () => {
  it('have the route as a template, and one name for all paths that are no route', async () => {
    const grew = await grown(async () => {
      await service.call('alice', '/files/0198c0de-0000-7000-8000-000000000000');
      await service.call('alice', '/files/0198c0de-0000-7000-8000-000000000001');
      await service.call('alice', '/no/such/route');
      await service.call('alice', '/alice/a-key');
      await service.call('alice', '/files', undefined, { method: 'PROPFIND' });
      await service.app.request('/files/x/content', { method: 'HEAD' });
      await service.app.request('/healthz');
      await service.app.request(`/t/${await mint('alice')}/s3/params`);
    });
    expect(grew).toMatchObject({
      [`${REQUESTS}{method="GET",route="/files/:fileId",status="404"}`]: 2,
      [`${REQUESTS}{method="GET",route="unknown",status="404"}`]: 2,
      [`${REQUESTS}{method="_OTHER",route="unknown",status="405"}`]: 1,
      [`${REQUESTS}{method="HEAD",route="/files/:fileId/content",status="401"}`]: 1,
      [`${REQUESTS}{method="GET",route="/healthz",status="200"}`]: 1,
      [`${REQUESTS}{method="GET",route="/s3/params",status="400"}`]: 1,
      'signpost_http_problems_total{code="file-not-found"}': 2,
      'signpost_http_problems_total{code="route-not-found"}': 2,
      'signpost_http_problems_total{code="unauthenticated"}': 1,
      'signpost_token_refusals_total{reason="other"}': 1,
    });
  });

  it('have the reason why a token is refused', async () => {
    const authorization = `Bearer ${await mint('alice', { exp: 1_700_000_000 })}`;
    const grew = await grown(async () => service.app.request('/files', { headers: { authorization } }));
    expect(grew).toMatchObject({ 'signpost_token_refusals_total{reason="ERR_JWT_EXPIRED"}': 1 });
  });

  it('grow by no series for other users, keys, files, names, types and paths', async () => {
    const visit = async (n: number) => {
      const user = `user-${n}`;
      const { fileId } = await service.store(user, `text ${n}`, {
        fileName: `${n}.txt`,
        documentType: `type-${n}`,
        recordId: `record-${n}`,
        metadata: { [`name-${n}`]: `${n}` },
      });
      await service.call(user, '/presign-download', { fileId });
      await service.call(user, '/confirm-upload', { objectKey: `someone-${n}/_/_/${fileId}/a` });
      const authorization = `Bearer ${await mint(user)}`;
      const range = { authorization, range: `bytes=${n % 3}-` };
      await (await service.app.request(`/files/${fileId}/content`, { headers: range })).text();
      await service.call(user, `/path-${n}/${fileId}?query=${n}`, undefined, { method: n % 2 ? 'LOCK' : 'MKCOL' });
      await service.call(user, `/files?q=${n}&documentType=type-${n}`);
      await service.app.request('/files', { headers: { authorization: `Bearer ${n}.${n}.${n}` } });
    };
    await visit(1);
    // Bucket and database are asked in the background, too: by the renewal of the marker.
    const isOfRequests = (name: string) => !/^signpost_(bucket|database)_/.test(name);
    const series = async () =>
      Object.keys(await samples())
        .filter(isOfRequests)
        .sort();
    const before = await series();
    for (let n = 2; n < 8; n++) await visit(n);
    expect(await series()).toEqual(before);
    const operations = Object.keys(await samples()).flatMap((name) => /operation="([^"]*)"/.exec(name)?.[1] ?? []);
    expect(operations.filter((name) => !/^([A-Z][A-Za-z0-9]+|[a-z_]+( [a-z_]+)?)$/.test(name))).toEqual([]);
    expect((await service.services.metrics.text()).text).not.toMatch(/user-|type-\d|record-|text \d|path-|someone/);
  });
});

describe('the metrics of uploads and downloads', () => {
  it('have the method of a presigned upload, each entry of a batch', async () => {
    const grew = await grown(async () => {
      await service.presign('alice', TEXT);
      await service.call('alice', '/presign-upload/batch', { files: [TEXT, TEXT, { ...TEXT, method: 'MULTIPART' }] });
      await service.call('alice', '/sign-request', { method: 'POST', key: 'a.bin' });
      await service.call('alice', '/presign-upload', { ...TEXT, contentType: 'nonsense' });
    });
    expect(grew).toMatchObject({
      'signpost_presigned_uploads_total{method="PUT"}': 3,
      'signpost_presigned_uploads_total{method="MULTIPART"}': 1,
      'signpost_presigned_uploads_total{method="CREATE"}': 1,
      'signpost_bucket_request_duration_seconds_count{operation="CreateMultipartUpload"}': 1,
    });
  });

  it('have the outcome of a confirmation, and the bytes of the first', async () => {
    const grew = await grown(async () => {
      const { objectKey } = await service.store('alice', 'hello');
      await service.confirm('alice', objectKey);
      await service.confirm('alice', (await service.presign('alice', TEXT)).objectKey);
    });
    expect(grew).toMatchObject({
      'signpost_confirmations_total{outcome="confirmed"}': 1,
      'signpost_confirmations_total{outcome="known"}': 1,
      'signpost_confirmations_total{outcome="object-not-found"}': 1,
      signpost_confirmed_bytes_total: 5,
      'signpost_database_statement_duration_seconds_count{operation="files_insert"}': 1,
    });
    // A missing object is an answer of the bucket.
    expect(Object.keys(grew).filter((name) => name.includes('_errors_'))).toEqual([]);
  });

  it('have presigned downloads, the transfers that run, and their bytes when they end', async () => {
    const { fileId } = await service.store('alice', 'hello world');
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const grew = await grown(async () => {
      await service.call('alice', '/presign-download', { fileId });
      await service.call('alice', '/presign-download/batch', { fileIds: [fileId] });
      const running = await service.app.request(`/files/${fileId}/content`, { headers });
      expect(await samples()).toMatchObject({
        'signpost_tasks{state="running",task="content"}': 1,
        'signpost_tasks{state="running",task="confirm"}': 0,
      });
      expect(await running.text()).toBe('hello world');
    });
    expect(grew).toMatchObject({ signpost_presigned_downloads_total: 2, signpost_content_bytes_total: 11 });
    expect(await samples()).toMatchObject({ 'signpost_tasks{state="running",task="content"}': 0 });
  });
});

describe('the metrics of bucket and database', () => {
  it('have their failures, by operation and kind, and the pool', async () => {
    const bucket = await startTestBucket();
    const bucketRelay = await startRelay(bucket.endpoint);
    const databaseRelay = await startRelay(service.database.url);
    const fragile = await startTestService({
      env: {
        ...bucket.env,
        METRICS_PORT: '0',
        S3_ENDPOINT: bucketRelay.url,
        S3_PUBLIC_ENDPOINT: bucket.endpoint,
        DATABASE_URL: databaseRelay.url,
      },
    });
    try {
      const { objectKey } = await fragile.presign('alice', TEXT);
      await fragile.call('alice', '/files');
      expect(await samples(fragile)).toMatchObject({
        'signpost_database_connections{state="used"}': 0,
        signpost_database_waiting: 0,
      });
      expect((await samples(fragile))['signpost_database_connections{state="idle"}']).toBeGreaterThan(0);
      await bucketRelay.goAway();
      expect((await fragile.confirm('alice', objectKey)).status).toBe(503);
      await databaseRelay.goAway();
      // The first one may find that its connection is closed.
      for (let n = 0; n < 2; n++) expect((await fragile.call('alice', '/files')).status).toBe(503);
      const failed = await samples(fragile);
      expect(failed['signpost_bucket_errors_total{kind="network",operation="HeadObject"}']).toBeGreaterThan(0);
      expect(failed).toMatchObject({
        'signpost_database_errors_total{kind="unavailable",operation="connect"}': expect.any(Number),
        'signpost_http_problems_total{code="storage-unavailable"}': 1,
        'signpost_http_problems_total{code="database-unavailable"}': 2,
        'signpost_confirmations_total{outcome="storage-unavailable"}': 1,
      });
    } finally {
      await fragile.close();
      await bucket.close();
    }
  });
});

describe('without METRICS_PORT', () => {
  it('nothing is counted', async () => {
    const silent = await startTestService();
    try {
      await silent.store('alice', 'hello');
      expect((await silent.services.metrics.text()).text).toBe('');
    } finally {
      await silent.close();
    }
  });
});

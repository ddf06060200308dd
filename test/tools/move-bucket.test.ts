import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/jobs/examine-each.ts';
import { rebindFiles } from '../../src/jobs/rebind-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { mint, startTestBucket, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';

const DAYS_MS = 2 * 86_400_000;
const LATER = { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS };
const LARGE = Buffer.alloc(12_000_000, 'large ');
const SETTINGS = { PROXY_DOWNLOADS: 'true', MULTIPART_PART_BYTES: '5242880', DELETE_AFTER_SECONDS: '3600' };

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const openBucket = async () => {
  const bucket = await startTestBucket();
  opened.push(bucket.close);
  return bucket;
};
type Bucket = Awaited<ReturnType<typeof openBucket>>;

const run = (program: string, args: readonly string[], { env }: Pick<Bucket, 'env'>) =>
  promisify(execFile)(program, args, {
    env: {
      PATH: '/usr/bin:/bin',
      HOME: '/nonexistent',
      AWS_DEFAULT_REGION: 'us-east-1',
      LC_ALL: 'C.UTF-8',
      AWS_ACCESS_KEY_ID: env.AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY: env.AWS_SECRET_ACCESS_KEY,
    },
  });

/** As docs/operating.md has it under "Moving the bucket". By their paths: another `aws` may come first on PATH. */
const copyWith = {
  rclone: (from: Bucket, to: Bucket) => {
    const remote = ({ endpoint, name }: Bucket) =>
      `:s3,provider=Other,env_auth=true,region=us-east-1,endpoint="${endpoint}":${name}`;
    return run('/usr/bin/rclone', ['copy', '--metadata', remote(from), remote(to)], from);
  },
  aws: (from: Bucket, to: Bucket) => {
    const uris = [`s3://${from.name}`, `s3://${to.name}`];
    const options = ['--endpoint-url', from.endpoint, '--copy-props', 'metadata-directive'];
    return run('/usr/bin/aws', ['s3', 'sync', ...uris, ...options], from);
  },
};

/** rclone copies between two stores, `aws s3 sync` within one. */
const openTarget = async (tool: keyof typeof copyWith, { client, env, ...from }: Bucket) => {
  if (tool === 'rclone') return openBucket();
  const name = `${from.name}-new`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return { ...from, client, name, env: { ...env, S3_BUCKET_NAME: name } };
};

const serve = async (bucket: Pick<Bucket, 'env'>, DATABASE_URL?: string) => {
  const service = await startTestService({
    env: { ...SETTINGS, ...bucket.env, ...(DATABASE_URL && { DATABASE_URL }) },
  });
  opened.push(service.close);
  return service;
};

const storeParts = async (service: TestService) => {
  const request = { fileName: 'große Datei.bin', contentType: 'application/octet-stream', size: LARGE.length };
  type Parts = Upload & { uploadId: string; parts: { presignedUrl: string; size: number }[] };
  const { body } = await service.call<Parts>('alice', '/presign-upload', { ...request, method: 'MULTIPART' });
  for (const [index, { presignedUrl, size }] of body.parts.entries()) {
    const bytes = LARGE.subarray(index * 5_242_880, index * 5_242_880 + size);
    expect((await fetch(presignedUrl, { method: 'PUT', body: bytes })).status).toBe(200);
  }
  const { objectKey, uploadId } = body;
  const confirmed = await service.call<{ fileId: string }>('alice', '/confirm-upload', { objectKey, uploadId });
  expect(confirmed.status).toBe(201);
  return confirmed.body;
};

const storeForm = async (service: TestService) => {
  const request = { fileName: 'form.txt', contentType: 'text/plain', size: 4, method: 'POST' };
  const { body } = await service.call<Upload & { fields: Record<string, string> }>('alice', '/presign-upload', request);
  const form = new FormData();
  for (const [name, value] of Object.entries(body.fields)) form.append(name, value);
  form.append('file', new Blob(['form']));
  await fetch(body.presignedUrl, { method: 'POST', body: form });
  expect((await service.confirm('alice', body.objectKey)).status).toBe(201);
  return body;
};

describe.each(['rclone', 'aws'] as const)('a bucket moved with %s', (tool) => {
  it('serves, confirms, deletes and sweeps as before', async () => {
    const from = await openBucket();
    const Status = 'Enabled';
    await from.client.send(new PutBucketVersioningCommand({ Bucket: from.name, VersioningConfiguration: { Status } }));
    const before = await serve(from);
    const small = await before.store('alice', 'small', { fileName: 'Łódź.txt', metadata: { source: 'Zürich' } });
    const large = await storeParts(before);
    const form = await storeForm(before);
    const deleted = await before.store('alice', 'deleted');
    await before.call('alice', `/files/${deleted.fileId}`, undefined, { method: 'DELETE' });
    const waiting = await before.presign('alice', { fileName: 'w.txt', contentType: 'text/plain', size: 7 });
    await before.put(waiting, 'waiting');
    await before.services.watermark.settle();
    const { body: list } = await before.call<{ files: Record<string, unknown>[] }>('alice', '/files');

    const to = await openTarget(tool, from);
    await copyWith[tool](from, to);
    const after = await serve(to, before.database.url);
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const content = async (fileId: string) => after.app.request(`/files/${fileId}/content`, { headers });
    expect((await content(small.fileId)).status).toBe(409);

    const findings: Finding[] = [];
    const report = (finding: Finding) => findings.push(finding);
    const tried = await rebindFiles(after.services, { dryRun: true, report });
    expect(tried).toEqual({ listed: 4, same: 0, rebound: 4, unverified: 0, failed: 0 });
    expect((await content(small.fileId)).status).toBe(409);
    expect(await rebindFiles(after.services, { report })).toEqual(tried);
    expect(await rebindFiles(after.services, { report })).toEqual({ ...tried, same: 4, rebound: 0 });
    expect(findings).toEqual([]);

    expect(Buffer.from(await (await content(large.fileId)).arrayBuffer()).equals(LARGE)).toBe(true);
    expect(await (await content(small.fileId)).text()).toBe('small');
    expect(await (await content(form.fileId)).text()).toBe('form');
    const { body: now } = await after.call<{ files: Record<string, unknown>[] }>('alice', '/files');
    const unversioned = { versionId: null, etag: expect.any(String) };
    expect(now.files).toEqual(list.files.map((file) => ({ ...file, ...unversioned })));
    expect((await after.confirm('alice', waiting.objectKey)).status).toBe(201);
    await after.services.watermark.settle();

    // The marker came along, so the database is the new bucket's without more ado; and deletions are finished there.
    const { counts } = await sweep(withClocks(after.services, LATER));
    expect(counts).toMatchObject({ deleted: 1, abandoned: 0, missing: 0, failed: 0 });
    expect(await after.services.bucket.head(deleted.objectKey)).toBeNull();
    const events = await before.database.query(`select 1 from audit_events where action = 'file.rebind'`);
    expect(events).toHaveLength(4);
  });
});

import { DeleteObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { expectProblem, startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';

type Form = { fileId: string; objectKey: string; presignedUrl: string; fields: Record<string, string> };

async function sendForm({ presignedUrl, fields }: Form): Promise<void> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob(['hello']));
  await fetch(presignedUrl, { method: 'POST', body: form });
}

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  const { client, name: Bucket } = service.bucket;
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
});
afterAll(() => service.close());

describe('a versioned bucket', () => {
  it('serves the verified version, also after it was overwritten by other means', async () => {
    const { fileId, objectKey, versionId } = await service.store('alice', 'hello');
    expect(versionId).toEqual(expect.stringMatching(/.+/));
    await service.bucket.write(objectKey, 'replaced');
    const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId });
    expect(await (await fetch(body.presignedUrl)).text()).toBe('hello');
    await service.bucket.client.send(new DeleteObjectCommand({ Bucket: service.bucket.name, Key: objectKey }));
    expect(await (await fetch(body.presignedUrl)).text()).toBe('hello');
  });

  it('loses only the verified version of a deleted file', async () => {
    const { fileId, objectKey, versionId } = await service.store('alice', 'hello');
    await service.bucket.write(objectKey, 'replaced');
    expect((await service.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    const { client, name: Bucket } = service.bucket;
    const left = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: objectKey }));
    expect(left.DeleteMarkers ?? []).toEqual([]);
    expect(left.Versions?.map((version) => version.VersionId)).not.toContain(versionId);
    expect(String(await service.bucket.read(objectKey))).toBe('replaced');
  });

  it('loses the copy of a deleted file from a form for good', async () => {
    const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    const { body } = await service.call<Form>('alice', '/presign-upload', request);
    await sendForm(body);
    expect((await service.confirm('alice', body.objectKey)).status).toBe(201);
    expect((await service.call('alice', `/files/${body.fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    const { client, name: Bucket } = service.bucket;
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions.filter(({ Key }) => Key?.includes(body.fileId))).toEqual([]);
  });

  it('loses a refused object for good, and no other version', async () => {
    const upload = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: 5 });
    await service.put(upload, '<p>hi');
    expectProblem(await service.confirm('alice', upload.objectKey), 422, 'verification-failed');
    const { client, name: Bucket } = service.bucket;
    const left = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: upload.objectKey }));
    expect([left.Versions ?? [], left.DeleteMarkers ?? []]).toEqual([[], []]);
  });
});

describe('a bucket that has begun to keep versions', () => {
  let older: TestService;
  const keepVersions = (Status: 'Enabled' | 'Suspended') => {
    const { client, name: Bucket } = older.bucket;
    return client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  };
  beforeAll(async () => {
    older = await startTestService();
  });
  afterAll(() => older.close());

  const versionsAfterDeletion = async (fileId: string, objectKey: string) => {
    expect((await older.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    const { client, name: Bucket } = older.bucket;
    return (await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: objectKey }))).Versions ?? [];
  };

  it('loses the bytes of a file from before for good', async () => {
    const { fileId, objectKey } = await older.store('alice', 'hello');
    await keepVersions('Enabled');
    expect(await versionsAfterDeletion(fileId, objectKey)).toEqual([]);
  });

  it('loses them also if the answer to an earlier deletion was lost', async () => {
    await keepVersions('Suspended');
    const { fileId, objectKey } = await older.store('alice', 'hello');
    await keepVersions('Enabled');
    const { client, name: Bucket } = older.bucket;
    await client.send(new DeleteObjectCommand({ Bucket, Key: objectKey }));
    const left = await versionsAfterDeletion(fileId, objectKey);
    // Ceph answers as if nothing had been there.
    if (process.env.TEST_S3_ENDPOINT === undefined) expect(left).toEqual([]);
  });

  it('and keeps them no more has no version to name, not of a copy either', async () => {
    await keepVersions('Suspended');
    const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    const { body } = await older.call<Form>('alice', '/presign-upload', request);
    await sendForm(body);
    expect((await older.confirm('alice', body.objectKey)).body).toMatchObject({ versionId: null });
    expect((await older.store('alice', 'hello')).versionId).toBeNull();
  });
});

it('has nothing to remove of an object that is gone, also where nobody may ask for its version', async () => {
  const own = await startTestBucket();
  // What AWS answers without s3:GetObjectVersion, with each key.
  const front = await startStoreInFront(own.endpoint, async ({ method, query }, passOn) =>
    method === 'HEAD' && query.has('versionId') ? s3Error(403, 'AccessDenied') : passOn(),
  );
  const SSE_C_MASTER_KEYS = `k1:${Buffer.alloc(32).toString('base64')}`;
  const hiding = await startTestService({ env: { ...own.env, S3_ENDPOINT: front.url, SSE_C_MASTER_KEYS } });
  const { objectKey, etag } = await hiding.store('alice', 'hello');
  await own.client.send(new DeleteObjectCommand({ Bucket: own.name, Key: objectKey }));
  await hiding.services.bucket.remove({ key: objectKey, etag: String(etag), versionId: null });
  await hiding.close();
  await front.stop();
  await own.close();
});

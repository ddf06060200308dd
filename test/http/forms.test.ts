import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toUserId, type UserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { type ConfirmUploadServices, confirmUpload } from '../../src/uploads/confirm-upload.ts';
import { createFreezer } from '../../src/uploads/freeze-object.ts';
import { type Sent, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { expectProblem, startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';

type Form = { objectKey: string; fileId: string; presignedUrl: string; fields: Record<string, string>; method: string };

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const request = {
  fileName: 'büro plan.txt',
  contentType: 'text/plain',
  size: 5,
  method: 'POST',
  metadata: { source: 'form' },
};
const presign = async (more: Record<string, unknown> = {}) => {
  const { status, body } = await service.call<Form>('alice', '/presign-upload', { ...request, ...more });
  expect([status, body.method]).toEqual([200, 'POST']);
  return body;
};
const submit = (form: Form, content: string, fields: Record<string, string> = {}) => {
  const data = new FormData();
  for (const [name, value] of Object.entries({ ...form.fields, ...fields })) data.append(name, value);
  data.append('file', new Blob([content]), 'anything.txt');
  return fetch(form.presignedUrl, { method: 'POST', body: data });
};
const userId = toUserId('alice') as UserId;
const who = { userId, actorId: userId, scopes: new Set<Scope>() };
const ALICE = { ...who, isOnBehalf: false, requestId: 'r', address: null };
const download = async (fileId: string) => {
  const { body } = await service.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId });
  return (await fetch(body.presignedUrl)).text();
};

describe('an HTML form', () => {
  it('uploads a file that is confirmed like any other', async () => {
    const form = await presign({ recordId: 'case-1' });
    expect((await submit(form, 'hello')).status).toBe(204);
    const confirmed = await service.confirm('alice', form.objectKey);
    expect(confirmed.status).toBe(201);
    expect(confirmed.body).toMatchObject({
      objectKey: form.objectKey,
      fileName: 'büro plan.txt',
      contentType: 'text/plain',
      size: 5,
      recordId: 'case-1',
      metadata: { source: 'form' },
    });
    const again = await service.confirm('alice', form.objectKey);
    expect([again.status, again.body]).toEqual([200, confirmed.body]);
    expect(await download(form.fileId)).toBe('hello');
  });

  it('serves what was verified if the form is sent again with other bytes', async () => {
    const form = await presign();
    await submit(form, 'hello');
    const confirmed = await service.confirm('alice', form.objectKey);
    expect((await submit(form, 'other')).status).toBe(204);
    const again = await service.confirm('alice', form.objectKey);
    expect([again.status, again.body]).toEqual([200, confirmed.body]);
    expect(await download(form.fileId)).toBe('hello');
  });

  it.each(['headAndFirstBytes', 'copy'] as const)(
    'is the same file to a confirmation that was overtaken before its %s',
    async (step) => {
      const form = await presign();
      await submit(form, 'hello');
      const { bucket } = service.services;
      const overtaken = async (...args: never[]) => {
        expect((await service.confirm('alice', form.objectKey)).status).toBeLessThan(202);
        return (bucket[step] as (...args: never[]) => Promise<never>)(...args);
      };
      // On another instance, because here they would share the copy.
      const slow: ConfirmUploadServices = {
        ...service.services,
        freezer: createFreezer(),
        bucket: { ...bucket, [step]: overtaken },
      };
      const { file, created } = await confirmUpload(slow, ALICE, { objectKey: form.objectKey });
      expect({ created, fileId: file.fileId }).toEqual({ created: false, fileId: form.fileId });
      expect(await download(file.fileId)).toBe('hello');
    },
  );

  it('keeps no copy of other bytes, also where the store ignores the condition of a copy', async () => {
    const form = await presign();
    await submit(form, 'hello');
    const { bucket, lister } = service.services;
    const copy: typeof bucket.copy = async (object, ...rest) => {
      await submit(form, 'other');
      return bucket.copy({ ...object, ...(await bucket.head(object.key)) }, ...rest);
    };
    const careless = { ...service.services, freezer: createFreezer(), bucket: { ...bucket, copy } };
    const { objectKey } = form;
    await expect(confirmUpload(careless, ALICE, { objectKey })).rejects.toMatchObject({ code: 'conflict' });
    expect((await lister.objects('.verified/', null)).objects.filter(({ key }) => key.endsWith(objectKey))).toEqual([]);
    expect((await service.confirm('alice', objectKey)).status).toBe(201);
    expect(await download(form.fileId)).toBe('other');
  });

  it('serves what it verified, with concurrent forms and confirmations', async () => {
    for (let round = 0; round < 10; round++) {
      const form = await presign();
      await submit(form, 'first');
      const answers = await Promise.all([
        service.confirm('alice', form.objectKey),
        submit(form, 'other'),
        service.confirm('alice', form.objectKey),
        submit(form, 'third'),
        service.confirm('alice', form.objectKey),
      ]);
      // A confirmation during which a form arrived is told to repeat.
      if (answers.every(({ status }) => status !== 201)) await service.confirm('alice', form.objectKey);
      const file = (await service.call('alice', `/files/${form.fileId}`)).body;
      const md5 = {
        first: '8b04d5e3775d298e78455efc5ca404d5',
        other: '795f3202b17cb6bc3d4b771d8c6c9eaf',
        third: 'dd5c8bf51558ffcbe5007071908e9524',
      };
      const text = (await download(form.fileId)) as keyof typeof md5;
      expect(file.etag).toBe(`"${md5[text]}"`);
    }
  });

  it('leaves one copy after many failed confirmations without the database', async () => {
    const other = await startTestService({ env: { FREEZE_UPLOADS: 'all' } });
    const { database, bucket } = other;
    const setReadOnly = (value: 'on' | 'off') =>
      database.query(`begin; set transaction read write;
        alter database "${database.name}" set default_transaction_read_only = ${value}; commit;
        select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
    const keys = async () => {
      const { Contents = [] } = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.name }));
      return Contents.map(({ Key = '' }) => Key).filter((key) => key.includes('alice'));
    };
    try {
      const upload = await other.presign('alice', { ...request, method: 'PUT' });
      await other.put(upload, 'hello');
      await setReadOnly('on');
      for (let n = 0; n < 5; n++) {
        const answers = await Promise.all([1, 2].map(() => other.confirm('alice', upload.objectKey)));
        for (const answer of answers) expectProblem(answer, 503, 'database-unavailable');
      }
      expect(await keys()).toHaveLength(2);
      await setReadOnly('off');
      await expect.poll(async () => (await other.confirm('alice', upload.objectKey)).status).toBeLessThan(300);
      const [row] = await database.query('select stored_key from files');
      expect(await keys()).toEqual([row?.stored_key]);
    } finally {
      await other.close();
    }
  });

  it('has one copy after ten confirmations at once', async () => {
    const form = await presign();
    await submit(form, 'hello');
    const answers = await Promise.all(Array.from({ length: 10 }, () => service.confirm('alice', form.objectKey)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    const { client, name: Bucket } = service.bucket;
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const rows = await service.database.query('select stored_key from files where id = $1', [form.fileId]);
    const own = Contents.map(({ Key = '' }) => Key).filter((key) => key.includes(form.fileId));
    expect(own).toEqual(rows.map(({ stored_key }) => stored_key));
    expect(await download(form.fileId)).toBe('hello');
  });

  it.each([
    ['more bytes', 'hello!', {}, 400],
    ['fewer bytes', 'hell', {}, 400],
    ['another type', 'hello', { 'Content-Type': 'text/html' }, 403],
    ['other metadata', 'hello', { 'x-amz-meta-source': 'x' }, 403],
    ['another key', 'hello', { key: 'bob/x' }, 403],
    ['an additional field', 'hello', { 'x-amz-meta-more': 'x' }, 403],
  ])('is refused by the bucket with %s', async (_, content, fields: Record<string, string>, status) => {
    const form = await presign();
    expect((await submit(form, content, fields)).status).toBe(status);
    expect(await service.bucket.read(form.objectKey)).toBeNull();
  });

  it('is refused after it has expired', async () => {
    const form = await presign({ expiresIn: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect((await submit(form, 'hello')).status).toBe(403);
  });

  it('is a 400 if the store does not support POST policies', async () => {
    const other = await startTestService({ env: { S3_POST_POLICY: 'false' } });
    try {
      expectProblem(await other.call('alice', '/presign-upload', request), 400, 'invalid-request');
      const files = [{ ...request, method: 'PUT' }, request];
      const batch = await other.call('alice', '/presign-upload/batch', { files });
      expectProblem(batch, 400, 'invalid-request');
      expect(batch.body.errors).toMatchObject([{ path: 'files.1.method' }]);
    } finally {
      await other.close();
    }
  });
});

describe('FREEZE_UPLOADS=all', () => {
  it('serves what was verified after the upload was overwritten', async () => {
    const other = await startTestService({ env: { FREEZE_UPLOADS: 'all' } });
    try {
      const file = await other.store('alice', 'hello');
      await other.bucket.write(file.objectKey, 'other', { ContentType: 'text/plain' });
      const { body } = await other.call<{ presignedUrl: string }>('alice', '/presign-download', {
        fileId: file.fileId,
      });
      expect(await (await fetch(body.presignedUrl)).text()).toBe('hello');
      expect((await other.confirm('alice', file.objectKey)).body).toEqual(file);
    } finally {
      await other.close();
    }
  });

  it('returns no public URL before the file is confirmed', async () => {
    const other = await startTestService({
      env: { FREEZE_UPLOADS: 'all', PUBLIC_BASE_URL: 'https://cdn.example.com', MULTIPART_THRESHOLD_BYTES: '5' },
    });
    try {
      for (const method of ['PUT', 'POST', 'MULTIPART']) {
        const { body } = await other.call('alice', '/presign-upload', { ...request, method });
        expect([body.method, 'publicFileUrl' in body]).toEqual([method, false]);
      }
      const { publicFileUrl } = await other.store('alice', 'hello');
      const place = String(publicFileUrl).replace('https://cdn.example.com/', '');
      expect(String(await other.bucket.read(place))).toBe('hello');
    } finally {
      await other.close();
    }
  });
});

/** Like Backblaze B2: a condition is a 501, a checksum a 400, a form a 501. */
function refusalOfB2({ method, headers }: Sent) {
  const isForm = headers['content-type']?.startsWith('multipart/form-data');
  if (isForm || (method !== 'GET' && 'if-none-match' in headers)) return s3Error(501, 'NotImplemented');
  const hasChecksum = Object.keys(headers).some((name) => /^x-amz-(checksum|sdk-checksum)-/.test(name));
  return hasChecksum ? s3Error(400, 'InvalidArgument') : null;
}

describe('S3_PROVIDER=b2', () => {
  it('uploads without unsupported features, and serves what was verified after another upload', async () => {
    const bucket = await startTestBucket();
    const front = await startStoreInFront(bucket.endpoint, async (sent, passOn) => refusalOfB2(sent) ?? passOn());
    const b2 = await startTestService({ env: { ...bucket.env, S3_ENDPOINT: front.url, S3_PROVIDER: 'b2' } });
    const textOf = async (fileId: unknown) => {
      const { body } = await b2.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId });
      return (await fetch(body.presignedUrl)).text();
    };
    const hello = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
    try {
      const upload = await b2.presign('alice', hello);
      expect(upload.headers).not.toHaveProperty('if-none-match');
      expect((await b2.put(upload, 'hello')).status).toBe(200);
      expect((await b2.confirm('alice', upload.objectKey)).status).toBe(201);
      expect((await b2.put(upload, 'other')).status).toBe(200);
      expect(await textOf(upload.fileId)).toBe('hello');

      const checksumSha256 = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
      const hashed = await b2.presign('alice', { ...hello, checksumSha256 });
      expect(hashed.headers).not.toHaveProperty('x-amz-checksum-sha256');
      expect((await b2.put(hashed, 'hello')).status).toBe(200);
      expect(await b2.confirm('alice', hashed.objectKey)).toMatchObject({ status: 201, body: { checksumSha256 } });
      const corrupt = await b2.presign('alice', { ...hello, checksumSha256 });
      expect((await b2.put(corrupt, 'jello')).status).toBe(200);
      expectProblem(await b2.confirm('alice', corrupt.objectKey), 422, 'verification-failed');

      const { body: begun } = await b2.call<Form & { uploadId: string; parts: { presignedUrl: string }[] }>(
        ...(['alice', '/presign-upload', { ...hello, method: 'MULTIPART' }] as const),
      );
      const { objectKey, uploadId, parts } = begun;
      expect((await fetch(parts[0]?.presignedUrl ?? '', { method: 'PUT', body: 'hello' })).status).toBe(200);
      expect((await b2.call('alice', '/confirm-upload', { objectKey, uploadId })).status).toBe(201);
      expect(await textOf(begun.fileId)).toBe('hello');

      for (const more of [{ method: 'POST' }, { method: 'MULTIPART', partChecksums: true }]) {
        expectProblem(await b2.call('alice', '/presign-upload', { ...hello, ...more }), 400, 'invalid-request');
      }
    } finally {
      await b2.close();
      await front.stop();
      await bucket.close();
    }
  });
});

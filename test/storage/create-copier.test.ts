import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frozenKey, type ObjectKey, toUserId, type UserId } from '../../src/contract/object-key.ts';
import { importFiles } from '../../src/jobs/import-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { createCopier } from '../../src/storage/create-copier.ts';
import { createS3Clients } from '../../src/storage/create-s3-client.ts';
import { copyUnchanged } from '../../src/uploads/copy-unchanged.ts';
import { freezeObject } from '../../src/uploads/freeze-object.ts';
import { startStoreInFront } from '../doctor/store-in-front.ts';
import { startTestBucket, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';

const MIB = 1024 ** 2;
const LARGE = 'eleven MiB '.repeat(MIB);
const IN_PARTS = /^"[0-9a-f]{32}-3"$/;

let service: TestService;
let clients: ReturnType<typeof createS3Clients>;
/** The same bucket, which copies objects in parts that a test can afford. */
let bucket: TestService['services']['bucket'];
beforeAll(async () => {
  service = await startTestService();
  const { config, bucket: whole } = service.services;
  if (config.bucket === null) throw new Error('the test has no bucket');
  clients = createS3Clients(config.bucket);
  const sizes = { mostInOneBytes: 10 * MIB, partBytes: 5 * MIB };
  bucket = {
    ...whole,
    copy: createCopier(clients, config.bucket.name, { store: config.store, head: whole.head }, sizes),
  };
});
afterAll(async () => {
  clients.destroy();
  await service.close();
});

const headOf = async (key: string) => {
  const object = await bucket.head(key);
  if (object === null) throw new Error(`nothing is stored under ${key}`);
  return object;
};
const openUploads = async () => {
  const { client, name: Bucket } = service.bucket;
  return (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
};

describe('copying an object that is too large for CopyObject', () => {
  it('copies ranges into parts, with the same bytes, type and metadata', async () => {
    await service.bucket.write('large/a.bin', LARGE, { ContentType: 'text/plain', Metadata: { a: 'b' } });
    const object = await headOf('large/a.bin');
    const copied = await bucket.copy(object, 'copy/a.bin');
    const copy = await headOf('copy/a.bin');
    expect(copied).toMatchObject({ etag: copy.etag, versionId: copy.versionId });
    expect(copy).toMatchObject({ etag: expect.stringMatching(IN_PARTS), contentType: 'text/plain' });
    expect([copy.sizeBytes, copy.metadata]).toEqual([object.sizeBytes, object.metadata]);
    expect((await service.bucket.read('copy/a.bin'))?.toString() === LARGE).toBe(true);
    await bucket.copy(object, 'copy/a.bin', { contentType: 'text/csv', metadata: { c: 'd' } });
    expect(await headOf('copy/a.bin')).toMatchObject({ contentType: 'text/csv', metadata: { c: 'd' } });
    expect(await openUploads()).toEqual([]);
  });

  it('makes nothing of an object that changed, and aborts what it has begun', async () => {
    await service.bucket.write('large/b.bin', LARGE);
    const object = await headOf('large/b.bin');
    await service.bucket.write('large/b.bin', LARGE.toUpperCase());
    await expect(bucket.copy(object, 'copy/b.bin')).rejects.toMatchObject({ code: 'conflict' });
    expect(await bucket.head('copy/b.bin')).toBeNull();
    expect(await openUploads()).toEqual([]);
  });

  it('makes nothing of an object that was another one meanwhile, also where parts have no conditions', async () => {
    await service.bucket.write('large/d.bin', LARGE);
    const object = await headOf('large/d.bin');
    const { lastModified } = object;
    const { config, bucket: whole } = service.services;
    if (config.bucket === null) throw new Error('the test has no bucket');
    const lax = createS3Clients(config.bucket);
    lax.slow.middlewareStack.add(
      (next) => async (args) => {
        if (!('PartNumber' in args.input)) return next(args);
        const input = { ...args.input, CopySourceIfMatch: undefined };
        if (input.PartNumber !== 2) return next({ ...args, input });
        await service.bucket.write('large/d.bin', LARGE.toUpperCase());
        const answer = await next({ ...args, input });
        do await service.bucket.write('large/d.bin', LARGE);
        while ((await headOf('large/d.bin')).lastModified === lastModified);
        return answer;
      },
      { step: 'initialize' },
    );
    const sizes = { mostInOneBytes: 10 * MIB, partBytes: 5 * MIB };
    const copy = createCopier(lax, config.bucket.name, { store: config.store, head: whole.head }, sizes);
    await expect(copy(object, 'copy/d.bin')).rejects.toMatchObject({ code: 'conflict' });
    expect(await bucket.head('copy/d.bin')).toBeNull();
    expect(await openUploads()).toEqual([]);
    lax.destroy();
  });

  it('serves imports and the copies of verified uploads', async () => {
    await service.bucket.write('large/c.txt', LARGE, { ContentType: 'text/plain' });
    const target = { owner: toUserId('alice') as UserId, recordId: null, documentType: null };
    const counts = await importFiles(
      { ...service.services, files: service.services.filesWithoutQuota, bucket },
      'large/c.txt',
      target,
    );
    expect(counts).toMatchObject({ imported: 1, rejected: 0, failed: 0 });
    type Files = { files: { fileId: string; objectKey: string; size: number }[] };
    const { body } = await service.call<Files>('alice', '/files');
    const [file] = body.files;
    expect(file?.size).toBe(LARGE.length);
    const stored = await headOf(file?.objectKey ?? '');
    expect(stored.etag).toMatch(IN_PARTS);
    const frozen = await freezeObject({ ...service.services, bucket }, stored.key as ObjectKey, stored);
    expect(frozen).toMatchObject({ etag: expect.stringMatching(IN_PARTS), sizeBytes: LARGE.length });
    expect((await headOf(frozen.key)).etag).toBe(frozen.etag);
    const signed = await service.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId: file?.fileId });
    expect((await (await fetch(signed.body.presignedUrl)).text()) === LARGE).toBe(true);
  });

  it('leaves parts to the sweeper if it is killed', async () => {
    const { client, name: Bucket } = service.bucket;
    const upload = await service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 1 });
    const Key = frozenKey('', upload.objectKey as ObjectKey, '01980000-0000-7000-8000-000000000002');
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const later = 8 * 86_400_000;
    await service.services.watermark.settle();
    const { counts } = await sweep(withClocks(service.services, { bucket: later, database: later, host: later }));
    expect(counts).toMatchObject({ aborted: 1 });
    expect(await openUploads()).toEqual([]);
  });
});

describe('a bucket that encrypts by SSE-KMS, where no ETag is an MD5', () => {
  const start = async (said: Record<string, string>) => {
    const own = await startTestBucket();
    const front = await startStoreInFront(own.endpoint, async (sent, passOn) => {
      const { headers, body, ...returned } = await passOn();
      if (sent.headers['x-amz-copy-source'] === undefined)
        return { ...returned, headers: { ...headers, ...said }, body };
      const { 'content-length': _, ...rest } = headers;
      const other = body.toString().replace(/[0-9a-f]{32}/, 'f'.repeat(32));
      return { ...returned, headers: { ...rest, ...said }, body: other };
    });
    const kms = await startTestService({ env: { ...own.env, S3_ENDPOINT: front.url, FREEZE_UPLOADS: 'all' } });
    const stop = async () => {
      await kms.close();
      await front.stop();
      await own.close();
    };
    return { own, kms, stop };
  };
  const OTHER = `"${'f'.repeat(32)}"`;

  it('believes that an object has not changed', async () => {
    const { kms, stop } = await start({ 'x-amz-server-side-encryption': 'aws:kms' });
    expect(await kms.store('alice', 'hello')).toMatchObject({ etag: OTHER });
    await stop();
  });

  it('believes it also where SSE_MODE asks for it, and the store does not say how it encrypted the copy', async () => {
    const { own, kms, stop } = await start({});
    const { bucket, config } = kms.services;
    await own.write('plain.txt', 'hello');
    const object = await bucket.head('plain.txt');
    const asked = withConfig(kms.services, 'store', { sse: { ...config.store.sse, mode: 'kms' } });
    expect(object && (await copyUnchanged(asked, object, 'copy.txt'))).toMatchObject({ etag: OTHER });
    await stop();
  });
});

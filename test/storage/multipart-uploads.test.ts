import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Returned, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { expectProblem, startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';

type Begun = { objectKey: string; uploadId: string; parts: { presignedUrl: string }[] };

let service: TestService;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;
/** The store's answer to a completion. */
let complete = (passOn: () => Promise<Returned>): Promise<Returned> => passOn();
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, ({ method, query }, passOn) =>
    method === 'POST' && query.has('uploadId') ? complete(passOn) : passOn(),
  );
  const env = { ...bucket.env, S3_ENDPOINT: front.url, S3_PUBLIC_ENDPOINT: bucket.endpoint };
  service = await startTestService({ env });
});
afterAll(async () => {
  await service.close();
  await front.stop();
  await bucket.close();
});

async function uploadParts() {
  const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'MULTIPART' };
  const { objectKey, uploadId, parts } = (await service.call<Begun>('alice', '/presign-upload', request)).body;
  expect((await fetch(parts[0]?.presignedUrl ?? '', { method: 'PUT', body: 'hello' })).status).toBe(200);
  return { objectKey, uploadId };
}
const confirm = (upload: { objectKey: string; uploadId: string }) => service.call('alice', '/confirm-upload', upload);

describe('a completion', () => {
  it.each(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])(
    'that finds other parts than were listed (%s) is a conflict, and may be repeated',
    async (code) => {
      const upload = await uploadParts();
      complete = async () => s3Error(400, code);
      expectProblem(await confirm(upload), 409, 'conflict');
      complete = (passOn) => passOn();
      expect((await confirm(upload)).status).toBe(201);
    },
  );

  it.each([
    ['another one was faster', 412, 'PreconditionFailed'],
    ['its first answer was lost', 404, 'NoSuchUpload'],
  ])('is not a failure if %s', async (_what, status, code) => {
    const upload = await uploadParts();
    complete = async (passOn) => {
      expect((await passOn()).status).toBe(200);
      return s3Error(status, code);
    };
    expect((await confirm(upload)).status).toBe(201);
  });

  it('that the store cannot do now leaves the upload open', async () => {
    const upload = await uploadParts();
    complete = async () => s3Error(400, 'SomethingElse');
    expectProblem(await confirm(upload), 503, 'storage-unavailable');
    complete = (passOn) => passOn();
    expect((await confirm(upload)).status).toBe(201);
  });
});

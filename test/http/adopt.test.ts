import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frozenKey, toUserId, type UserId } from '../../src/contract/object-key.ts';
import { createApp } from '../../src/http/app.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import type { ListedObject } from '../../src/storage/list-bucket.ts';
import { createAdoptingSlots } from '../../src/uploads/adopt-upload.ts';
import { adoptedId } from '../../src/uploads/adopted-id.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { UPLOAD_POLICIES: '{"scan":{"maxBytes":3}}', QUOTA_BYTES: '100000' } });
});
afterAll(() => service.close());

type File = { fileId: string; objectKey: string; fileName: string; size: number };
const TEXT = { ContentType: 'text/plain' };
const adopt = (user: string, objectKey: string, claims = {}) => adoptAs(user, { objectKey, adopt: true }, claims);
const adoptAs = async (user: string, body: object, claims: Record<string, unknown> = {}) =>
  service.call<File>(user, '/confirm-upload', body, {
    headers: { authorization: `Bearer ${await mint(user, claims)}` },
  });
const download = async (user: string, { fileId }: File) => {
  const { body } = await service.call<{ presignedUrl: string }>(user, '/presign-download', { fileId });
  return (await fetch(body.presignedUrl)).text();
};

type Copy = TestService['services']['bucket']['copy'];
/** As on another instance, with other ways to copy and to list. */
const adoptElsewhere = async (user: string, objectKey: string, copy?: Copy, more: object = {}) => {
  const { services } = service;
  const bucket = { ...services.bucket, ...(copy && { copy }) };
  return createApp({ ...services, bucket, adopting: createAdoptingSlots(), ...more }).request('/confirm-upload', {
    method: 'POST',
    headers: { authorization: `Bearer ${await mint(user)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ objectKey, adopt: true }),
  });
};
/** Copies, and goes on when this many copies are made. */
function together(count: number): Copy {
  let copies = 0;
  let goOn = () => {};
  const all = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  return async (...these) => {
    const copied = await service.services.bucket.copy(...these);
    if (++copies === count) goOn();
    await all;
    return copied;
  };
}
const copiesOf = async (user: string) => {
  const { objects } = await service.services.lister.objects('.verified/', null);
  return objects.filter(({ key }) => key.includes(`/${user}/`));
};

describe('POST /confirm-upload with adopt', () => {
  it('makes a file of an object that was put by other means, with a copy that only the service can write', async () => {
    const key = 'alice/photos/a ü.txt';
    await service.bucket.write(key, 'by the CLI', { ...TEXT, Metadata: { source: 'cli' } });
    const { status, body } = await adopt('alice', key);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      fileName: 'a ü.txt',
      contentType: 'text/plain',
      size: 10,
      status: 'active',
      metadata: { source: 'cli' },
      objectKey: expect.stringMatching(/^alice\/_\/_\/[0-9a-f-]{36}\/a__.txt$/),
    });
    await service.bucket.write(key, 'replaced later', TEXT);
    expect(await download('alice', body)).toBe('by the CLI');
    expect(String(await service.bucket.read(key))).toBe('replaced later');
  });

  it('makes one file of any number of calls at once, and another one of an object that replaced it', async () => {
    await service.bucket.write('alice/b.txt', 'one', TEXT);
    const all = await Promise.all(Array.from({ length: 8 }, () => adopt('alice', 'alice/b.txt')));
    expect(all.map(({ status }) => status).toSorted()).toEqual([...Array(7).fill(200), 201]);
    expect(new Set(all.map(({ body }) => body.fileId)).size).toBe(1);
    await service.bucket.write('alice/b.txt', 'two', TEXT);
    const { status, body } = await adopt('alice', 'alice/b.txt');
    expect([status, body.fileId === all[0]?.body.fileId]).toEqual([201, false]);
  });

  it('copies an object once, however many calls for it come meanwhile', async () => {
    await service.bucket.write('gil/large.txt', 'large', TEXT);
    const { bucket } = service.services;
    const { copy } = bucket;
    let copies = 0;
    bucket.copy = (...these) => {
      copies++;
      return copy(...these);
    };
    const all = await Promise.all(Array.from({ length: 8 }, () => adopt('gil', 'gil/large.txt')));
    bucket.copy = copy;
    expect(all.map(({ status }) => status).toSorted()).toEqual([...Array(7).fill(200), 201]);
    expect(copies).toBe(1);
  });

  it('makes one file, and leaves one copy, if several instances copy the object at the same time', async () => {
    await service.bucket.write('hal/large.txt', 'large', TEXT);
    const copy = together(2);
    const answers = await Promise.all([1, 2].map(() => adoptElsewhere('hal', 'hal/large.txt', copy)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    const files = (await Promise.all(answers.map((answer) => answer.json()))) as File[];
    expect(files[0]?.fileId).toBe(files[1]?.fileId);
    expect(await copiesOf('hal')).toHaveLength(1);
    expect(await download('hal', files[0] as File)).toBe('large');
  });

  it.each<[string, string, object]>([
    ['bytes', 'other', {}],
    ['type', 'right', { ContentType: 'text/html' }],
    ['metadata', 'right', { Metadata: {} }],
  ])('makes no file if the copy has other %s', async (what, text, more) => {
    const key = `ian/${what}.txt`;
    await service.bucket.write(key, 'right', TEXT);
    const refused = await adoptElsewhere('ian', key, async (...these) => {
      const copied = await service.services.bucket.copy(...these);
      const { client, name: Bucket } = service.bucket;
      const { Metadata } = await client.send(new HeadObjectCommand({ Bucket, Key: these[1] }));
      await service.bucket.write(these[1], text, { ...TEXT, Metadata, ...more });
      return copied;
    });
    expect(refused.status).toBe(503);
    expect((await service.call<{ files: unknown[] }>('ian', '/files')).body.files).toEqual([]);
    expect(String(await service.bucket.read(key))).toBe('right');
  });

  it('makes no file of an object that is replaced after it was listed', async () => {
    await service.bucket.write('kim/a.txt', 'first', TEXT);
    const { lister } = service.services;
    const objects: typeof lister.objects = async (...these) => {
      const listed = await lister.objects(...these);
      await service.bucket.write('kim/a.txt', 'second', TEXT);
      return listed;
    };
    const refused = await adoptElsewhere('kim', 'kim/a.txt', undefined, { lister: { ...lister, objects } });
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'conflict' }]);
    expect(await copiesOf('kim')).toEqual([]);
  });

  it('takes another id than one that was burned', async () => {
    await service.bucket.write('ida/c.txt', 'hello', TEXT);
    const [listed] = (await service.services.lister.objects('ida/', null)).objects;
    const burned = adoptedId(toUserId('ida') as UserId, listed as ListedObject, 0);
    const objectKey = `ida/_/_/${burned}/c.txt`;
    await service.bucket.write(objectKey, 'in the way', TEXT);
    expect((await service.call('ida', '/abort-upload', { objectKey })).status).toBe(204);
    for (const status of [201, 200]) {
      const { body, ...answer } = await adopt('ida', 'ida/c.txt');
      expect([answer.status, body.fileId === burned]).toEqual([status, false]);
    }
  });

  it('applies limits, policy and first bytes, and leaves a refused object, however often it is called', async () => {
    const key = 'alice/virus.png';
    await service.bucket.write(key, 'MZ a program', { ContentType: 'image/png' });
    for (const _ of [1, 2]) {
      const refused = await adopt('alice', key);
      expectProblem(refused, 422, 'verification-failed');
      expect(refused.body).toMatchObject({ errors: [{ path: 'contentType' }] });
    }
    expect(await service.bucket.read(key)).not.toBeNull();
    const labelled = 'alice/_/scan/01980000-0000-7000-8000-0000000000aa/a.txt';
    await service.bucket.write(labelled, 'long', TEXT);
    expectProblem(await adopt('alice', labelled), 422, 'verification-failed');
    await service.bucket.write('alice/gzip', 'x', { ...TEXT, ContentEncoding: 'gzip' });
    expectProblem(await adopt('alice', 'alice/gzip'), 422, 'verification-failed');
    // The object may be replaced by one that fits.
    await service.bucket.write(key, 'x', { ContentType: 'nonsense' });
    const errors = [{ path: 'contentType', message: 'is not a media type' }];
    expect(await adopt('alice', key)).toMatchObject({ status: 422, body: { errors } });
    await service.bucket.write(key, 'x', TEXT);
    expect((await adopt('alice', key)).status).toBe(201);
  });

  it('counts it for the quota, and leaves an object that exceeds it', async () => {
    await service.bucket.write('carol/big', 'x'.repeat(100_001), TEXT);
    expectProblem(await adopt('carol', 'carol/big'), 403, 'quota-exceeded');
    expect(await service.bucket.read('carol/big')).not.toBeNull();
    await service.bucket.write('carol/small', 'xyz', TEXT);
    const signpost = { quotaFiles: 0 };
    expectProblem(await adopt('carol', 'carol/small', { signpost }), 403, 'quota-exceeded');
    expect((await adopt('carol', 'carol/small')).status).toBe(201);
    expect((await service.call('carol', '/usage')).body).toMatchObject({ bytes: 3, files: 1 });
  });

  it('leaves no copy of an object that exceeds the quota when several calls race', async () => {
    const keys = ['erin/1', 'erin/2', 'erin/3', 'erin/4'];
    for (const key of keys) await service.bucket.write(key, 'x'.repeat(40_000), TEXT);
    const copy = together(keys.length);
    const answers = await Promise.all(keys.map((key) => adoptElsewhere('erin', key, copy)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 403, 403]);
    expect(await copiesOf('erin')).toHaveLength(2);
  });

  it('refuses an object with a key of its own, which the service does not know', async () => {
    const sealed = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.alloc(32, 1).toString('base64') };
    await service.bucket.write('alice/sealed.txt', 'sealed', { ...TEXT, ...sealed });
    const refused = await adopt('alice', 'alice/sealed.txt');
    expectProblem(refused, 422, 'verification-failed');
    const message = 'is encrypted with a key that the service does not have (SSE-C)';
    expect(refused.body).toMatchObject({ errors: [{ path: 'objectKey', message }] });
  });

  it('reaches only the caller’s own prefix, and nothing by a ticket for a record', async () => {
    await service.bucket.write('bob/b.txt', 'bob', TEXT);
    expectProblem(await adopt('alice', 'bob/b.txt'), 403, 'not-your-object');
    await service.bucket.write('alice2/b.txt', 'alice2', TEXT);
    expectProblem(await adopt('alice', 'alice2/b.txt'), 403, 'not-your-object');
    const signpost = { recordId: 'case-1' };
    await service.bucket.write('alice/other.txt', 'x', TEXT);
    expectProblem(await adopt('alice', 'alice/other.txt', { signpost }), 403, 'not-your-object');
    expectProblem(await adopt('alice', 'alice/nothing.txt'), 404, 'object-not-found');
    // A prefix of a key is not a key.
    expectProblem(await adopt('alice', 'alice/othe'), 404, 'object-not-found');
    expectProblem(await adoptAs('alice', { objectKey: 'alice/a', adopt: true, uploadId: 'x' }), 400, 'invalid-request');
    expectProblem(await adoptAs('alice', { objectKey: 'alice/a', adopt: 'yes' }), 400, 'invalid-request');
  });

  it('confirms an upload that the service signed as without adopt, and believes no metadata of another key', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    expect((await adopt('alice', upload.objectKey)).body).toMatchObject({ fileId: upload.fileId });
    const Metadata = { 'signpost-name': 'forged.exe', 'signpost-size': '1', 'signpost-type': 'text/plain' };
    await service.bucket.write('alice/forged.txt', 'forged', { ...TEXT, Metadata });
    expect((await adopt('alice', 'alice/forged.txt')).body).toMatchObject({ fileName: 'forged.txt', size: 6 });
  });

  it('believes that its client encrypted it, with the limits of its type, and looks at what is no envelope', async () => {
    const put = (key: string, type: string, envelope: string, ContentType = 'application/octet-stream') => {
      const signed = { 'signpost-name': key, 'signpost-size': '9', 'signpost-type': type };
      const Metadata = { ...signed, 'signpost-encryption': envelope };
      return service.bucket.write(`fay/${key}`, 'MZ cipher', { ContentType, Metadata });
    };
    await put('a.png', 'image/png', '1.of-it');
    const { status, body } = await adopt('fay', 'fay/a.png');
    const encrypted = { contentType: 'image/png', encryption: '1.of-it', detectedContentType: null };
    expect([status, body]).toEqual([201, expect.objectContaining(encrypted)]);
    const row = await service.services.files.findAny({ id: body.fileId, ownerId: toUserId('fay') as UserId });
    const copy = await service.services.bucket.head(row?.storedKey ?? '');
    expect(copy?.contentType).toBe('application/octet-stream');

    const signpost = { contentTypes: ['image/*'] };
    await put('b.pdf', 'application/pdf', '1.of-it', 'image/png');
    expectProblem(await adopt('fay', 'fay/b.pdf', { signpost }), 422, 'verification-failed');
    await put('c.png', 'image/png', 'no envelope');
    const refused = await adopt('fay', 'fay/c.png');
    expectProblem(refused, 422, 'verification-failed');
    expect(refused.body).toMatchObject({ errors: [{ path: 'encryption' }] });
    // Without an envelope, only the object says its type.
    const Metadata = { 'signpost-name': 'd.png', 'signpost-size': '9', 'signpost-type': 'application/x-msdownload' };
    await service.bucket.write('fay/d.png', 'MZ \0\0\0\0\0\0', { ContentType: 'image/png', Metadata });
    expectProblem(await adopt('fay', 'fay/d.png'), 422, 'verification-failed');
  });

  it('does not bring back a file that was deleted', async () => {
    await service.bucket.write('alice/gone.txt', 'x', TEXT);
    const { body } = await adopt('alice', 'alice/gone.txt');
    await service.call('alice', `/files/${body.fileId}`, undefined, { method: 'DELETE' });
    expectProblem(await adopt('alice', 'alice/gone.txt'), 409, 'conflict');
    expect(await service.bucket.read('alice/gone.txt')).not.toBeNull();
  });
});

describe('an object that no upload was signed for', () => {
  const key = 'dave/_/_/01980000-0000-7000-8000-000000000001/a.txt';

  it('is not removed without adopt, and becomes a file with it', async () => {
    await service.bucket.write(key, 'put by other means', TEXT);
    expectProblem(await service.confirm('dave', key), 422, 'verification-failed');
    expect(await service.bucket.read(key)).not.toBeNull();
    const { status, body } = await adopt('dave', key);
    expect([status, body.objectKey === key]).toEqual([201, false]);
  });

  it('is left by the sweeper, which removes copies that no file has', async () => {
    const stray = frozenKey('', key as never, '01980000-0000-7000-8000-000000000002');
    await service.bucket.write(stray, 'a copy whose confirmation crashed', TEXT);
    const upload = await service.presign('dave', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'never');
    const later = 2 * 86_400_000;
    const { counts } = await sweep(withClocks(service.services, { bucket: later, database: later, host: later }));
    expect(counts).toMatchObject({ abandoned: 1 });
    expect(await service.bucket.read(stray)).toBeNull();
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    for (const left of [key, 'alice/b.txt', 'alice/virus.png', 'carol/big']) {
      expect(await service.bucket.read(left), left).not.toBeNull();
    }
    const { body } = await service.call<{ files: File[] }>('dave', '/files');
    expect(await download('dave', body.files[0] as File)).toBe('put by other means');
  });
});

import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MARKER_NAME } from '../../src/jobs/examine-marker.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  expectProblem,
  startTestService,
  type TestService,
  type Upload,
} from '../helpers/test-service.ts';

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 10 };

let service: TestService;
const start = async (env: Record<string, string>, presigned = 0, user = 'alice') => {
  service = await startTestService({ env });
  const uploads: Upload[] = [];
  for (let n = 0; n < presigned; n++) {
    const upload = await service.presign(user, TEXT);
    expect((await service.put(upload, '0123456789')).status).toBe(200);
    uploads.push(upload);
  }
  return uploads;
};
const usage = async (user: string) => (await service.call(user, '/usage')).body;
const recount = async (user: string) => {
  const [row] = await service.database.query(
    `select coalesce(sum(size_bytes), 0)::int as bytes, count(*)::int as files from files
     where owner_id = $1 and status in ('active', 'archived')`,
    [user],
  );
  return row;
};

/** Confirms, and repeats it while too many confirmations are running. */
const confirmInTurn = async (objectKey: string): Promise<Answer> => {
  const answer = await service.confirm('alice', objectKey);
  return answer.headers.has('retry-after') ? confirmInTurn(objectKey) : answer;
};

describe('a quota', () => {
  afterEach(() => service.close());

  it.each([
    ['QUOTA_BYTES', { QUOTA_BYTES: '345' }, 34],
    ['QUOTA_FILES', { QUOTA_FILES: '7' }, 7],
    ['both', { QUOTA_BYTES: '100', QUOTA_FILES: '20' }, 10],
  ])('is exact with a hundred simultaneous confirmations: %s', async (_, quota, fitting) => {
    const uploads = await start(quota, 100);
    const answers = await Promise.all(uploads.map(({ objectKey }) => confirmInTurn(objectKey)));
    const refused = answers.filter(({ status }) => status !== 201);
    expect(answers.length - refused.length).toBe(fitting);
    for (const answer of refused) expectProblem(answer, 403, 'quota-exceeded');
    const expected = { bytes: fitting * 10, files: fitting };
    expect(await usage('alice')).toMatchObject(expected);
    expect(await recount('alice')).toEqual(expected);
    for (const [index, { objectKey }] of uploads.entries()) {
      const isThere = (await service.bucket.read(objectKey)) !== null;
      expect(isThere).toBe(answers[index]?.status === 201);
    }
    // Each user has their own quota.
    expect((await service.store('bob', '0123456789')).size).toBe(10);
  });

  it('names the limit and the usage; deleting frees space, archiving does not', async () => {
    const [first, second, third, fourth] = await start({ QUOTA_BYTES: '25' }, 4);
    if (!first || !second || !third || !fourth) throw new Error('four uploads');
    expect(await usage('alice')).toEqual({ bytes: 0, files: 0, quotaBytes: 25, quotaFiles: null });
    await service.confirm('alice', first.objectKey);
    await service.confirm('alice', second.objectKey);
    const refused = await service.confirm('alice', third.objectKey);
    expectProblem(refused, 403, 'quota-exceeded');
    expect(refused.body.detail).toBe('you have 20 of 25 bytes, and this would be 10 more');
    expect((await service.call('alice', `/files/${first.fileId}/archive`, {})).status).toBe(200);
    expect(await usage('alice')).toMatchObject({ bytes: 20, files: 2 });
    expect((await service.call('alice', `/files/${first.fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    expect(await usage('alice')).toMatchObject({ bytes: 10, files: 1 });
    expect((await service.confirm('alice', fourth.objectKey)).status).toBe(201);
    // Already confirmed, so the quota is not checked.
    expect((await service.confirm('alice', fourth.objectKey)).status).toBe(200);
    expect(await usage('alice')).toMatchObject({ bytes: 20, files: 2 });
  });

  it('accepts empty files when it is full, and refuses an upload for good', async () => {
    const [first, second] = await start({ QUOTA_BYTES: '10' }, 2);
    if (!first || !second) throw new Error('two uploads');
    await service.confirm('alice', first.objectKey);
    const refused = await service.confirm('alice', second.objectKey);
    expectProblem(refused, 403, 'quota-exceeded');
    expect((await service.store('alice', '')).size).toBe(0);
    await service.call('alice', `/files/${first.fileId}`, undefined, { method: 'DELETE' });
    await service.put(second, '0123456789');
    for (let n = 0; n < 2; n++) {
      const again = await service.confirm('alice', second.objectKey);
      expectProblem(again, 403, 'quota-exceeded');
      expect(again.body.detail).toBe(refused.body.detail);
    }
    expect(await service.bucket.read(second.objectKey)).toBeNull();
    expect(await usage('alice')).toMatchObject({ bytes: 0, files: 1 });
  });

  it('removes the copy of a refused upload too', async () => {
    const [upload] = await start({ QUOTA_BYTES: '15', FREEZE_UPLOADS: 'all' }, 1);
    await service.store('alice', '0123456789');
    expectProblem(await service.confirm('alice', upload?.objectKey ?? ''), 403, 'quota-exceeded');
    const { client, name: Bucket } = service.bucket;
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const [row] = await service.database.query(`select stored_key from files where status = 'active'`);
    const stored = Contents.map(({ Key }) => Key).filter((key) => key !== MARKER_NAME);
    expect(stored).toEqual([row?.stored_key]);
  });
});

describe('usage', () => {
  afterEach(() => service.close());

  it('equals a recount after concurrent confirming, archiving, restoring and deleting', async () => {
    await start({});
    const uploads = await Promise.all(Array.from({ length: 30 }, () => service.presign('alice', TEXT)));
    await Promise.all(
      uploads.map(async (upload, n) => {
        await service.put(upload, '0123456789');
        await Promise.all([1, 2].map(() => service.confirm('alice', upload.objectKey)));
        const post = (step: string) => service.call('alice', `/files/${upload.fileId}/${step}`, {});
        const remove = () => service.call('alice', `/files/${upload.fileId}`, undefined, { method: 'DELETE' });
        if (n % 2 === 0) await Promise.all([post('archive'), n % 4 === 0 ? remove() : post('restore')]);
        if (n % 5 === 0) await Promise.all([remove(), remove()]);
      }),
    );
    const counted = await recount('alice');
    expect(await usage('alice')).toEqual({ ...counted, quotaBytes: null, quotaFiles: null });
    expect(counted?.files).toBeLessThan(30);
    expect(counted?.files).toBeGreaterThan(10);
  });

  it('is the caller’s, needs files:read, and is zero for a new user', async () => {
    await start({ QUOTA_FILES: '3' });
    await service.store('alice', 'hello');
    expect(await usage('alice')).toEqual({ bytes: 5, files: 1, quotaBytes: null, quotaFiles: 3 });
    expect(await usage('bob')).toEqual({ bytes: 0, files: 0, quotaBytes: null, quotaFiles: 3 });
  });
});

describe('presigning under a quota', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let relay: Awaited<ReturnType<typeof startRelay>>;
  beforeAll(async () => {
    database = await createTestDatabase();
    relay = await startRelay(database.url);
    service = await startTestService({ env: { QUOTA_BYTES: '100', QUOTA_FILES: '3', DATABASE_URL: relay.url } });
    await service.store('alice', '0123456789'.repeat(8));
  });
  afterAll(async () => {
    await service.close();
    await relay.goAway();
    await database.drop();
  });

  const presign = (size: number, more = {}) => service.call('alice', '/presign-upload', { ...TEXT, size, ...more });
  const presignAll = (sizes: number[]) =>
    service.call('alice', '/presign-upload/batch', { files: sizes.map((size) => ({ ...TEXT, size })) });

  it('refuses what no longer fits, with any method, and says why', async () => {
    for (const method of ['PUT', 'POST', 'MULTIPART']) {
      const answer = await presign(21, { method });
      expectProblem(answer, 403, 'quota-exceeded');
      expect(answer.body.detail).toBe('you have 80 of 100 bytes, and this would be 21 more');
      expect((await presign(20, { method })).status).toBe(200);
    }
    expect((await service.call('bob', '/presign-upload', { ...TEXT, size: 100 })).status).toBe(200);
  });

  it('adds up a batch', async () => {
    expect((await presignAll([10, 10])).status).toBe(200);
    const bytes = await presignAll([10, 11]);
    expectProblem(bytes, 403, 'quota-exceeded');
    expect(bytes.body.detail).toBe('you have 80 of 100 bytes, and this would be 21 more');
    const files = await presignAll([1, 1, 1]);
    expectProblem(files, 403, 'quota-exceeded');
    expect(files.body.detail).toBe('you have 1 of 3 files, and this would be 3 more');
  });

  it('begins nothing in the bucket for a refused upload', async () => {
    const { client, name: Bucket } = service.bucket;
    const begun = async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length;
    const before = await begun();
    expectProblem(await presign(21, { method: 'MULTIPART' }), 403, 'quota-exceeded');
    expect(await begun()).toBe(before);
  });

  it.each(['gone', 'hanging'])(
    'signs all the same with a database that is %s, but what could never fit',
    async (how) => {
      await (how === 'gone' ? relay.goAway() : relay.setSilent(true));
      try {
        expect((await presign(21)).status).toBe(200);
        expect((await presignAll([50, 50])).status).toBe(200);
        expectProblem(await presign(101), 403, 'quota-exceeded');
        expectProblem(await presignAll([50, 51]), 403, 'quota-exceeded');
        expectProblem(await presignAll([1, 1, 1, 1]), 403, 'quota-exceeded');
      } finally {
        await (how === 'gone' ? relay.comeBack() : relay.setSilent(false));
      }
      expectProblem(await presign(21), 403, 'quota-exceeded');
    },
  );
});

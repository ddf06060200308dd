import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import { put, SMALL_TEXT, startLibrary, type TestLibrary } from './start-library.ts';

const ADA = { userId: 'ada' };

let library: TestLibrary;
beforeAll(async () => {
  library = await startLibrary();
});
afterAll(() => library.close());

/** The jobs run only when they are called. */
const BY_CALL = { JOBS_INTERVAL_SECONDS: 0 };

async function store(signpost: ReturnType<TestLibrary['open']>) {
  const upload = await signpost.presignUpload(ADA, SMALL_TEXT);
  await put(upload);
  return signpost.confirmUpload(ADA, { objectKey: upload.objectKey });
}
const seals = async () => Number((await library.database.query('select count(*) as n from audit_seals'))[0]?.n);

describe('runJobs', () => {
  it('sweeps and seals, each time that it is called', async () => {
    const signpost = library.open({ settings: { ...BY_CALL, DELETE_AFTER_SECONDS: 1 } });
    const { fileId, objectKey } = await store(signpost);
    await signpost.files.remove(ADA, fileId);
    expect(await library.bucket.read(objectKey)).not.toBeNull();
    const swept = async () => {
      await signpost.runJobs();
      return library.bucket.read(objectKey);
    };
    await expect.poll(swept).toBeNull();
    // What a transaction that still runs anywhere in the cluster may add is sealed later.
    await expect.poll(() => signpost.runJobs().then(seals)).toBeGreaterThan(0);
  });

  it('runs all, and throws the failure, while the bucket is down', async () => {
    const relay = await startRelay(library.bucket.endpoint);
    const logged: string[] = [];
    const logger = { error: (_: object, line: string) => void logged.push(line), warn() {}, info() {}, debug() {} };
    const direct = library.open({ settings: BY_CALL });
    const signpost = library.open({ logger, settings: { ...BY_CALL, S3_ENDPOINT: relay.url } });
    await signpost.ready();
    await relay.goAway();
    const { fileId } = await store(direct);
    await direct.files.archive(ADA, fileId);
    const before = await seals();
    const sealed = async () => {
      await expect(signpost.runJobs()).rejects.toMatchObject({ code: 'storage-unavailable' });
      return seals();
    };
    await expect.poll(sealed).toBeGreaterThan(before);
    expect(new Set(logged)).toEqual(new Set(['sweep failed; retrying']));
  });

  it('fails once the instance is closed', async () => {
    const signpost = library.open({ settings: BY_CALL });
    await signpost.close();
    await expect(signpost.runJobs()).rejects.toThrow('this Signpost is closed');
  });
});

describe('settled', () => {
  it('waits for the rows of the audit log that the answer did not wait for', async () => {
    const signpost = library.open({ settings: BY_CALL });
    const user = { userId: 'settled', scopes: ['files:read'] as const };
    const rows = () => library.database.query(`select outcome from audit_events where user_id = 'settled'`);
    const lock = new pg.Client({ connectionString: library.database.url });
    await lock.connect();
    await lock.query('begin; lock table audit_events in exclusive mode');
    await expect(signpost.presignUpload(user, SMALL_TEXT)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await rows()).toEqual([]);
    let isSettled = false;
    const settled = signpost.settled().then(() => {
      isSettled = true;
    });
    await sleep(100);
    expect(isSettled).toBe(false);
    await lock.query('commit');
    await lock.end();
    await settled;
    expect(await rows()).toEqual([{ outcome: 'forbidden' }]);
  });

  it('waits for the marker in the bucket', async () => {
    const signpost = library.open({ settings: { ...BY_CALL, KEY_PREFIX: 'settled/' } });
    const { objectKey } = await store(signpost);
    await signpost.settled();
    const { client, name } = library.bucket;
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name, Prefix: 'settled/' }));
    expect(Contents.filter(({ Key }) => Key !== objectKey)).toHaveLength(1);
  });

  it('never throws: neither before the first call, nor while all is down', async () => {
    const [database, bucket] = [await createTestDatabase(), await startRelay(library.bucket.endpoint)];
    const settings = { ...BY_CALL, DATABASE_URL: database.url, S3_ENDPOINT: bucket.url };
    const signpost = library.open({ settings });
    await signpost.settled();
    await store(library.open({ settings: { ...settings, S3_ENDPOINT: library.bucket.endpoint } }));
    await signpost.ready();
    await bucket.goAway();
    await database.drop();
    const reader = { userId: 'ada', scopes: ['files:read'] as const };
    await expect(signpost.presignUpload(reader, SMALL_TEXT)).rejects.toMatchObject({ code: 'forbidden' });
    await signpost.settled();
  });
});

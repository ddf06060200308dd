import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseIdentity } from '../../src/db/create-marker-queries.ts';
import { checkSweeper } from '../../src/doctor/check-sweeper.ts';
import { MARKER_NAME, OBJECTION_NAME } from '../../src/jobs/examine-marker.ts';
import { keepWatermark } from '../../src/jobs/keep-watermark.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { createBucketMarker } from '../../src/storage/bucket-marker.ts';
import { copyDatabase, type TestDatabase } from '../helpers/database.ts';
import { startTestService, type TestService } from '../helpers/test-service.ts';
import { withClocks } from './with-clocks.ts';

const DAYS_MS = 2 * 86_400_000;

/** A sweep two days later: it removes objects without a row. */
const sweepLater = (services: TestService['services'], options = {}) =>
  sweep(withClocks(services, { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS }), options);

describe('the bucket of one database', () => {
  const opened: { close: () => Promise<void> }[] = [];
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService();
    opened.push(service);
  });
  afterAll(async () => {
    for (const one of opened.reverse()) await one.close();
  });

  const exists = async (key: string) => (await service.bucket.read(key)) !== null;
  /** Another service on the same bucket, with a copy of the database. */
  const startCopy = async (database: TestDatabase): Promise<TestService> => {
    const copy = await startTestService({ env: { ...service.bucket.env, DATABASE_URL: database.url } });
    opened.push({ close: async () => await database.drop() }, copy);
    return copy;
  };
  const adopt = () => sweep(service.services, { adopt: true });
  /** The same services, as if their database had this identity. */
  const withIdentity = (services: TestService['services'], change: Partial<DatabaseIdentity>) => {
    const { markerQueries } = services;
    const identity = async () => ({ ...(await markerQueries.identity()), ...change });
    return { ...services, markerQueries: { ...markerQueries, identity } };
  };
  /** Returns a function that restores the database to its current state. */
  const rememberState = async () => {
    const words = (await service.database.query('select word from marker_words')).map(({ word }) => word);
    const files = (await service.database.query('select id from files')).map(({ id }) => id);
    return async () => {
      await service.database.query('delete from marker_words where word <> all($1)', [words]);
      await service.database.query('delete from files where id <> all($1)', [files]);
    };
  };

  it('is not swept by a backup of the database older than the newest confirmed file', async () => {
    const first = await service.store('alice', 'before the backup');
    await sweepLater(service.services);
    const backup = await copyDatabase(service.database);
    const second = await service.store('alice', 'after the backup');
    const restored = await startCopy(backup);
    await expect(sweepLater(restored.services)).rejects.toThrow('another database of this cluster');
    await expect(sweepLater(restored.services, { dryRun: true })).rejects.toThrow('nothing is swept');
    for (const { objectKey } of [first, second]) expect(await exists(objectKey)).toBe(true);
    expect((await sweepLater(service.services)).counts).toMatchObject({ abandoned: 0, missing: 0 });
  });

  it('is not swept by a branch of the database that sweeps first', async () => {
    const branch = await startCopy(await copyDatabase(service.database));
    await expect(sweepLater(branch.services)).rejects.toThrow('another database');
    const file = await service.store('alice', 'confirmed after the branch was made');
    expect((await sweepLater(service.services)).counts).toMatchObject({ abandoned: 0, missing: 0 });
    expect(await exists(file.objectKey)).toBe(true);
  });

  it('is not swept at all after a branch has confirmed a file in it, until an operator decides', async () => {
    const branch = await startCopy(await copyDatabase(service.database));
    const file = await branch.store('alice', 'of the branch');
    await branch.services.watermark.settle();
    await expect(sweepLater(service.services)).rejects.toThrow(/the database "test_.*" has confirmed files/);
    await expect(sweepLater(branch.services)).rejects.toThrow('another database');
    expect(await exists(file.objectKey)).toBe(true);
    const said = branch.logs.filter(
      ({ level, message }) => level === 'error' && message.includes('this bucket is not swept'),
    );
    expect(said).toHaveLength(1);
    expect(branch.services.sweeperHealth).toMatchObject({ refusals: 1, refused: { reason: said[0]?.message } });

    expect((await sweepLater(service.services, { adopt: true, dryRun: true })).counts.abandoned).toBe(1);
    await expect(sweepLater(service.services)).rejects.toThrow('has confirmed files');
    await adopt();
    expect((await sweepLater(service.services)).counts.abandoned).toBe(1);
  });

  it('is not swept after the database was restored to a time before a renewal', async () => {
    const setBack = await rememberState();
    const file = await service.store('alice', 'confirmed, then forgotten');
    await service.services.watermark.settle();
    await setBack();
    await expect(sweepLater(service.services)).rejects.toThrow('is newer than this database');
    // New confirmations do not change that.
    await service.store('alice', 'confirmed later');
    await service.services.watermark.settle();
    await expect(sweepLater(service.services)).rejects.toThrow('is newer than this database');
    expect(await exists(file.objectKey)).toBe(true);
    await adopt();
  });

  it('is not swept after a restore to a time between a renewal and the next confirmed file', async () => {
    await service.store('alice', 'renewed');
    await service.services.watermark.settle();
    const setBack = await rememberState();
    const file = await service.store('alice', 'of the same minute');
    await setBack();
    await service.services.watermark.settle();
    await expect(sweepLater(service.services)).rejects.toThrow('missing from the database');
    expect(await exists(file.objectKey)).toBe(true);
    await adopt();
  });

  it('is not swept by either of two copies of the same disk', async () => {
    await service.services.watermark.settle();
    const identity = await service.services.markerQueries.identity();
    const copy = await startCopy(await copyDatabase(service.database));
    const twin = withIdentity(copy.services, identity);
    await sweepLater(twin);
    const file = await service.store('alice', 'unknown to the twin');
    await service.services.watermark.settle();
    await expect(sweepLater(twin)).rejects.toThrow('has confirmed files');
    await expect(sweepLater(service.services)).rejects.toThrow('is newer than this database');
    expect(await exists(file.objectKey)).toBe(true);
    await adopt();
  });

  it.each([
    ['cluster', 'in another cluster'],
    ['branch', 'another branch'],
    ['database', 'another database of this cluster'],
    ['table', 'was restored from a dump'],
    ['timeline', 'restored to an earlier time, or a stand-by took over'],
  ] as const)('is not swept when the %s is another one', async (field, sentence) => {
    const branched = withIdentity(service.services, { branch: 'one' });
    await sweep(branched, { adopt: true });
    const other = withIdentity(service.services, { branch: 'one', [field]: 'another' });
    await expect(sweepLater(other)).rejects.toThrow(sentence);
    await sweep(branched);
  });

  it('recognizes a copy by its identity, in this cluster and in the same database', async () => {
    const identity = await service.services.markerQueries.identity();
    const copy = await startCopy(await copyDatabase(service.database));
    const copied = await copy.services.markerQueries.identity();
    expect({ ...identity, name: '', database: '' }).toEqual({ ...copied, name: '', database: '' });
    expect(copied.database).not.toBe(identity.database);
    await copy.database.query('select 1');
    expect(identity).toMatchObject({ cluster: expect.stringMatching(/^\d+$/), timeline: expect.any(String) });
  });

  it('is not swept while its marker is unreadable or gone', async () => {
    const marker = await service.services.marker.read();
    await service.bucket.write(MARKER_NAME, marker?.text.slice(0, 50) ?? '');
    await expect(sweepLater(service.services)).rejects.toThrow('the marker in the bucket cannot be read');
    const watermark = keepWatermark(service.services);
    watermark.note({ id: (await service.store('alice', 'x')).fileId, ownerId: 'alice' });
    // It does not prove that another database uses the bucket.
    await expect(watermark.settle()).rejects.toThrow('the marker in the bucket cannot be read');
    expect(await exists(OBJECTION_NAME)).toBe(false);
    await service.services.marker.remove();
    await expect(sweepLater(service.services)).rejects.toThrow(
      'the marker that this database wrote into the bucket is gone',
    );
    await adopt();
    await service.bucket.write(OBJECTION_NAME, 'half of an obj');
    await expect(sweepLater(service.services)).rejects.toThrow('its reason cannot be read');
    await adopt();
    await sweep(service.services);
  });

  it('is swept again after a crash before or after the marker is written', async () => {
    const { marker, markerQueries } = service.services;
    const crash = () => Promise.reject(new Error('killed'));
    await expect(sweep({ ...service.services, marker: { ...marker, replace: crash } })).rejects.toThrow('killed');
    await sweep(service.services);
    const halfway = { ...service.services, markerQueries: { ...markerQueries, markWritten: crash } };
    await expect(sweep(halfway)).rejects.toThrow('killed');
    await sweep(service.services);
  });

  it('accepts the marker of an older version, which is only a word', async () => {
    const word = service.services.newId(new Date());
    await service.services.marker.write(word);
    await expect(sweep(service.services)).rejects.toThrow('is newer than this database');
    await service.database.query('insert into marker_words (word, is_written) values ($1, true)', [word]);
    await sweep(service.services);
  });

  it('is renewed by many instances at once', async () => {
    const { services } = service;
    const renewals = Array.from({ length: 8 }, () => sweep(services));
    await Promise.all(renewals);
    expect(await service.services.objection.read()).toBeNull();
    await sweep(services);
  });

  it('gets a new marker within a minute of a confirmation', async () => {
    const before = await service.services.marker.read();
    const renewing = await startTestService({ env: { ...service.bucket.env, DATABASE_URL: service.database.url } });
    opened.push(renewing);
    await renewing.store('alice', 'the first after a quiet minute');
    await expect.poll(async () => (await service.services.marker.read())?.etag).not.toBe(before?.etag);
    await renewing.store('alice', 'the second');
    const renewed = await service.services.marker.read();
    await renewing.services.watermark.close();
    expect((await service.services.marker.read())?.etag).not.toBe(renewed?.etag);
  });

  it('retries the marker until the bucket takes it, without delaying confirmations', async () => {
    const file = await service.store('alice', 'confirmed while the bucket takes no marker');
    await service.services.watermark.settle();
    const before = await service.services.marker.read();
    const { marker } = service.services;
    let failures = 0;
    const replace: typeof marker.replace = (...args) =>
      failures++ < 3 ? Promise.reject(new Error('the bucket is away')) : marker.replace(...args);
    const watermark = keepWatermark({ ...service.services, marker: { ...marker, replace } }, 20);
    watermark.note({ id: file.fileId, ownerId: 'alice' });
    await expect.poll(async () => (await marker.read())?.etag).not.toBe(before?.etag);
    await watermark.close();
    // A busy database may make it fail more often.
    const retries = service.logs.filter(({ message }) => message.endsWith('could not be renewed; retrying'));
    expect(retries.length).toBeGreaterThanOrEqual(3);
    expect(failures).toBeGreaterThan(3);
  });

  it('is an error where the bucket refuses the marker or the objection whatever its condition', async () => {
    const { client, name } = service.bucket;
    const { keyPrefix, sse } = service.services.config.store;
    // The embedded bucket has no KMS, and Ceph none without a key's name.
    const marker = createBucketMarker(client, name, 'marker', { keyPrefix, sse: { ...sse, mode: 'kms' } });
    const code = expect.stringMatching(/^(NotImplemented|InvalidArgument)$/);
    const refused = { code: 'storage-unavailable', cause: { name: code } };
    await expect(marker.write('mine')).rejects.toMatchObject(refused);
    await expect(marker.replace('mine', null)).rejects.toMatchObject(refused);
  });

  it('is shown by the doctor: its database, the age of its marker, and objections', async () => {
    const { services, database } = service;
    const look = async (url = database.url) => {
      const { config, marker, objection, now } = services;
      const checks = [];
      const bucketClock = async () => now();
      for await (const check of checkSweeper({ marker, objection, bucketClock }, { url, config, now }))
        checks.push(check);
      return checks;
    };
    await sweep(services);
    const whose = new RegExp(`^of this database, "${database.name}", renewed at .* \\(0 min ago\\)$`);
    expect(await look()).toMatchObject([
      { name: 'sweeper: marker', verdict: 'ok', detail: expect.stringMatching(whose) },
      { name: 'sweeper: clocks', verdict: 'ok' },
    ]);
    const branch = await startCopy(await copyDatabase(database));
    await branch.store('alice', 'of a branch');
    await branch.services.watermark.settle();
    expect(await look(branch.database.url)).toMatchObject([{}, {}, {}]);
    const remedy = expect.stringContaining('npm run rebuild');
    expect(await look()).toMatchObject([
      { name: 'sweeper: marker', verdict: 'ok' },
      { name: 'sweeper: objection', verdict: 'fail', remedy },
      { name: 'sweeper: clocks', verdict: 'ok' },
    ]);
    await adopt();
  });

  it('has its marker at a key that no user can get a signature for', async () => {
    for (const objectKey of [MARKER_NAME, OBJECTION_NAME]) {
      for (const user of ['alice', '.signpost-sweeper', '.', '']) {
        const { status } = await service.call(user || 'x', '/confirm-upload', { objectKey });
        expect(status).toBe(403);
      }
    }
  });
});

import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sweep } from '../../src/jobs/sweep.ts';
import { type Returned, type Sent, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { startTestBucket, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';
import { withClocks } from './with-clocks.ts';

const DAY_MS = 86_400_000;

type Manners = (sent: Sent, passOn: () => Promise<Returned>) => Promise<Returned>;
const honest: Manners = (_, passOn) => passOn();

describe('a sweep that may not remove everything', () => {
  let service: TestService;
  let bucket: Awaited<ReturnType<typeof startTestBucket>>;
  let front: Awaited<ReturnType<typeof startStoreInFront>>;
  let manners = honest;

  beforeAll(async () => {
    bucket = await startTestBucket();
    front = await startStoreInFront(bucket.endpoint, (sent, passOn) => manners(sent, passOn));
    service = await startTestService({
      env: { ...bucket.env, S3_ENDPOINT: front.url, S3_PUBLIC_ENDPOINT: bucket.endpoint, DELETE_AFTER_SECONDS: '60' },
    });
  });
  afterEach(() => {
    manners = honest;
  });
  afterAll(async () => {
    await service.close();
    await front.stop();
    await bucket.close();
  });

  const after = (ms: number) => withClocks(service.services, { bucket: ms, database: ms, host: ms });
  const sweepAfter = async (ms: number, options = {}) => (await sweep(after(ms), options)).counts;
  const exists = async (key: string) => (await bucket.read(key)) !== null;
  const uploadOnly = async (text: string): Promise<Upload> => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: text.length });
    expect((await service.put(upload, text)).status).toBe(200);
    return upload;
  };
  const storeDeleted = async (text: string) => {
    const file = await service.store('alice', text);
    expect((await service.call('alice', `/files/${file.fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    return file;
  };
  const audited = async (action: string) => {
    const query = 'select actor_id, user_id, object_key, outcome from audit_events where action = $1 order by id';
    return service.database.query(query, [action]);
  };
  /** Refuses to remove what `isLocked`. */
  const locking =
    (isLocked: (path: string) => boolean, answer = s3Error(403, 'AccessDenied')): Manners =>
    async ({ method, path }, passOn) =>
      method === 'DELETE' && isLocked(path) ? answer : passOn();

  it('removes the rest, counts and logs what the bucket refuses, and retries it', async () => {
    const [locked, free] = [await storeDeleted('locked'), await storeDeleted('free')];
    const [lockedUpload, freeUpload] = [await uploadOnly('locked upload'), await uploadOnly('free upload')];
    const keys = [locked.objectKey, lockedUpload.objectKey];
    manners = locking((path) => keys.some((key) => path.endsWith(key)));

    const { finishedAt, counts } = await sweep(after(2 * DAY_MS));
    expect(finishedAt).not.toBeNull();
    expect(counts).toMatchObject({ deleted: 1, abandoned: 1, failed: 2 });
    for (const key of keys) expect(await exists(key)).toBe(true);
    for (const key of [free.objectKey, freeUpload.objectKey]) expect(await exists(key)).toBe(false);
    const said = service.logs.filter(({ message }) => message.startsWith('an object stays'));
    expect(said.map(({ fields }) => fields.objectKey).sort()).toEqual([...keys].sort());
    expect(said.map(({ fields }) => fields.code)).toEqual(['403 AccessDenied', '403 AccessDenied']);

    expect(await sweepAfter(2 * DAY_MS)).toMatchObject({ deleted: 0, abandoned: 0, failed: 2 });
    manners = honest;
    expect(await sweepAfter(2 * DAY_MS)).toMatchObject({ deleted: 2, failed: 0 });
    for (const key of keys) expect(await exists(key)).toBe(false);
  });

  it('logs each removed object in the audit log', async () => {
    const row = { actor_id: '\u001fsweeper', user_id: 'alice', outcome: 'ok' };
    const [deleted, abandoned, refused] = await Promise.all(
      ['sweep.deleted', 'sweep.abandoned', 'sweep.refused'].map(audited),
    );
    expect(deleted).toHaveLength(2);
    expect(abandoned).toMatchObject([row]);
    expect(refused).toMatchObject([row]);

    const file = await storeDeleted('sent again later');
    await sweepAfter(DAY_MS);
    await bucket.write(file.objectKey, 'late');
    expect(await sweepAfter(DAY_MS)).toMatchObject({ stray: 1 });
    expect(await audited('sweep.stray')).toEqual([{ ...row, object_key: file.objectKey }]);

    const request = { fileName: 'b.bin', contentType: 'application/octet-stream', size: 6e6, method: 'MULTIPART' };
    const { body } = await service.call<Upload>('alice', '/presign-upload', request);
    for (const dryRun of [true, true, false]) {
      expect(await sweepAfter(8 * DAY_MS, { dryRun })).toMatchObject({ aborted: 1 });
    }
    expect(await audited('sweep.aborted')).toEqual([{ ...row, object_key: body.objectKey }]);
  });

  it('is left a refused and an aborted upload, which are answered as if they were removed', async () => {
    const page = '<!doctype html><script>';
    const refused = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: page.length });
    expect((await service.put(refused, page)).status).toBe(200);
    const aborted = await uploadOnly('aborted');
    manners = locking(() => true);
    for (let n = 0; n < 2; n++) {
      expect((await service.confirm('alice', refused.objectKey)).body).toMatchObject({
        code: 'verification-failed',
        detail: 'the stored object does not match the signed upload, and is removed',
      });
      expect((await service.call('alice', '/abort-upload', { objectKey: aborted.objectKey })).status).toBe(204);
      expect((await service.confirm('alice', aborted.objectKey)).body).toMatchObject({ code: 'conflict' });
    }
    for (const { objectKey } of [refused, aborted]) expect(await exists(objectKey)).toBe(true);

    manners = honest;
    expect(await sweepAfter(0)).toMatchObject({ deleted: 2, failed: 0 });
    for (const { objectKey } of [refused, aborted]) expect(await exists(objectKey)).toBe(false);
  });

  it('is told by a 503 if the bucket does not answer, and the refused upload stays refused', async () => {
    const page = '<!doctype html><script>';
    const refused = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: page.length });
    expect((await service.put(refused, page)).status).toBe(200);
    manners = locking(() => true, s3Error(500, 'InternalError'));
    expect(await service.confirm('alice', refused.objectKey)).toMatchObject({
      status: 503,
      body: { code: 'storage-unavailable' },
    });
    expect(await exists(refused.objectKey)).toBe(true);
    manners = honest;
    expect((await service.confirm('alice', refused.objectKey)).body).toMatchObject({ code: 'verification-failed' });
    expect(await exists(refused.objectKey)).toBe(false);
  });

  it('leaves what is sent again, confirmed or deleted after the listing', async () => {
    const [late, gone] = [await storeDeleted('deleted'), await storeDeleted('also deleted')];
    await sweepAfter(DAY_MS);
    for (const { objectKey } of [late, gone]) await bucket.write(objectKey, 'late');
    const unconfirmed = await uploadOnly('unconfirmed');
    const { Metadata } = await bucket.client.send(
      new HeadObjectCommand({ Bucket: bucket.name, Key: unconfirmed.objectKey }),
    );
    const lost = await service.store('alice', 'lost');
    await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: lost.objectKey }));
    let isListed = false;
    manners = async ({ method, path, query }, passOn) => {
      const answer = await passOn();
      if (!isListed && query.has('list-type') && query.get('max-keys') !== '1') {
        isListed = true;
        await bucket.write(late.objectKey, 'later');
        await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: gone.objectKey }));
        await bucket.write(unconfirmed.objectKey, 'sent again', { ContentType: 'text/plain', Metadata });
        await service.store('alice', 'confirmed');
      }
      if (method === 'HEAD' && path.endsWith(lost.objectKey)) {
        await service.call('alice', `/files/${lost.fileId}`, undefined, { method: 'DELETE' });
      }
      return answer;
    };
    const nothing = { abandoned: 0, stray: 0, missing: 0, failed: 0 };
    expect(await sweepAfter(2 * DAY_MS)).toMatchObject(nothing);
    expect(String(await bucket.read(late.objectKey))).toBe('later');
    expect(String(await bucket.read(unconfirmed.objectKey))).toBe('sent again');
    manners = honest;
    const due = { ...nothing, abandoned: 1, stray: 1, deleted: 1 };
    for (const dryRun of [true, true, false]) expect(await sweepAfter(2 * DAY_MS, { dryRun })).toMatchObject(due);
  });

  it('does not list for ever what ignores where a page should start', async () => {
    await uploadOnly('on the only page');
    let onlyPage: Returned | undefined;
    manners = async ({ query }, passOn) => {
      const answer = await passOn();
      if (!query.has('list-type') || query.get('max-keys') === '1') return answer;
      const body = String(answer.body).replace('<IsTruncated>false', '<IsTruncated>true');
      onlyPage ??= { ...answer, body, headers: { ...answer.headers, 'content-length': String(body.length) } };
      return onlyPage;
    };
    await expect(sweepAfter(0)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(onlyPage).toBeDefined();
    manners = honest;
    expect(await sweepAfter(0)).toMatchObject({ failed: 0 });
  });

  it.each(['Name', 'Bucket'])('believes no listing of another bucket (%s)', async (name) => {
    manners = async ({ query }, passOn) => {
      const answer = await passOn();
      if (!query.has(name === 'Name' ? 'list-type' : 'uploads') || query.get('max-keys') === '1') return answer;
      const body = String(answer.body).replace(new RegExp(`<${name}>[^<]*`), `<${name}>another`);
      return { ...answer, body, headers: { ...answer.headers, 'content-length': String(Buffer.byteLength(body)) } };
    };
    await expect(sweepAfter(0)).rejects.toMatchObject({ code: 'storage-unavailable' });
    manners = honest;
    expect(await sweepAfter(0)).toMatchObject({ failed: 0 });
  });

  it('continues after one call without an answer, and ends if the bucket does not answer at all', async () => {
    const files = await Promise.all(Array.from({ length: 5 }, (_, n) => storeDeleted(`silent ${n}`)));
    const silent = s3Error(500, 'InternalError');
    manners = locking((path) => path.endsWith(String(files[0]?.objectKey)), silent);
    expect(await sweepAfter(DAY_MS)).toMatchObject({ deleted: 4, failed: 1 });
    await Promise.all(Array.from({ length: 4 }, (_, n) => storeDeleted(`silent again ${n}`)));
    manners = locking(() => true, silent);
    await expect(sweepAfter(DAY_MS)).rejects.toMatchObject({ code: 'storage-unavailable' });
    manners = honest;
    expect(await sweepAfter(DAY_MS)).toMatchObject({ deleted: 5, failed: 0 });
  });

  it.each([
    ['host', { host: 30 * DAY_MS }],
    ['bucket', { bucket: 30 * DAY_MS }],
    ['database', { database: -30 * DAY_MS }],
    ['host, by six minutes,', { host: -6 * 60_000 }],
  ])('removes nothing while the clock of the %s is wrong', async (_, ahead) => {
    const upload = await uploadOnly('of a moment ago');
    const deleted = await storeDeleted('kept for a minute');
    const asked = sweep(withClocks(service.services, ahead));
    await expect(asked).rejects.toThrow(
      /the clocks differ, it is .* by the bucket's, .* by the database's, .* by the host's/,
    );
    await expect(sweep(withClocks(service.services, ahead), { dryRun: true })).rejects.toThrow('the clocks differ');
    for (const { objectKey } of [upload, deleted]) expect(await exists(objectKey)).toBe(true);
    await sweep(withClocks(service.services, { host: 60_000, bucket: -60_000 }));
    for (const { objectKey } of [upload, deleted]) expect(await exists(objectKey)).toBe(true);
  });

  it('computes ages by the clocks of bucket and database, not the host’s', async () => {
    const upload = await uploadOnly('of a moment ago');
    const { readClocks, now } = service.services;
    const clocks = await readClocks();
    for (const whose of ['bucket', 'database'] as const) {
      expect(Math.abs(clocks[whose].getTime() - now().getTime())).toBeLessThan(60_000);
    }
    const wrong = { ...service.services, now: () => new Date(now().getTime() + 30 * DAY_MS) };
    await sweep({ ...wrong, readClocks });
    expect(await exists(upload.objectKey)).toBe(true);
  });

  it('treats an object without a date in the listing as new', async () => {
    const upload = await uploadOnly('without a date');
    const { body } = await service.call<{ objectKey: string; uploadId: string }>('alice', '/presign-upload', {
      fileName: 'a.txt',
      contentType: 'text/plain',
      size: 7,
      method: 'MULTIPART',
    });
    for (const dates of [/<LastModified>[^<]*<\/LastModified>/g, /<Initiated>[^<]*<\/Initiated>/g]) {
      manners = async (_, passOn) => {
        const { status, headers, body } = await passOn();
        const { 'content-length': length, 'transfer-encoding': encoding, ...kept } = headers;
        return { status, headers: kept, body: String(body).replace(dates, '') };
      };
      await expect(sweep(service.services)).rejects.toMatchObject({ code: 'storage-unavailable' });
    }
    manners = honest;
    expect(await exists(upload.objectKey)).toBe(true);
    const { objectKey, uploadId } = body;
    expect((await service.call('alice', '/list-parts', { objectKey, uploadId })).status).toBe(200);
  });

  it('removes nothing more after its lease or its claim is lost', async () => {
    const file = await storeDeleted('of a sweep that lost its lease');
    const lost = () => Promise.reject(new Error('the lease went to another instance'));
    await expect(sweep(after(DAY_MS), { checkLease: lost })).rejects.toThrow('the lease went to another instance');
    const stopped = new AbortController();
    const checkLease = async () => stopped.abort();
    await sweep(after(DAY_MS), { checkLease, signal: stopped.signal });
    const { lister } = service.services;
    const objects: typeof lister.objects = async (...page) => {
      await service.services.objection.write('{}');
      return lister.objects(...page);
    };
    const upload = await uploadOnly('of a sweep that met an objection');
    await service.database.query('update files set object_removed_at = now() where id = $1', [file.fileId]);
    const objected = { ...after(2 * DAY_MS), lister: { ...lister, objects } };
    await expect(sweep(objected)).rejects.toThrow('objects');
    for (const { objectKey } of [file, upload]) expect(await exists(objectKey)).toBe(true);
    await sweep(service.services, { adopt: true });
  });

  it('forgets many rows in batches', async () => {
    const insert = `insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, status,
        created_at, deleted_at, object_removed_at)
      select id, 'mass', 'mass/_/_/' || id || '/a', 'a', 'text/plain', 1, '""', 'deleted',
        now() - interval '9 days', now() - interval '9 days', now() - interval '9 days'
      from (select overlay(gen_random_uuid()::text placing '7' from 15 for 1)::uuid as id
        from generate_series(1, 12001)) as ids`;
    await service.database.query(insert);
    expect((await sweepAfter(0)).forgotten).toBe(12_001);
    expect(await service.database.query(`select 1 from files where owner_id = 'mass'`)).toEqual([]);
  });
});

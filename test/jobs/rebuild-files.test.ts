import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/jobs/examine-each.ts';
import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { copyDatabase } from '../helpers/database.ts';
import { startTestService, type TestService, type Upload } from '../helpers/test-service.ts';
import { withClocks } from './with-clocks.ts';

const DAYS_MS = 2 * 86_400_000;
const TWO_DAYS_ON = { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS };
const NOTHING = { listed: 0, known: 0, made: 0, unverified: 0, otherCopies: 0, foreign: 0, failed: 0 };
/** Columns that only the database has, or that another clock sets. */
const LOST = { createdAt: expect.any(String), receipt: undefined };

describe('rebuilding the rows from the bucket', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ env: { QUOTA_FILES: '1000' } });
  });
  afterAll(() => service.close());

  const rebuild = async (options = {}, at = service) => {
    const findings: Finding[] = [];
    const report = (finding: Finding) => void findings.push(finding);
    const files = at.services.filesWithoutQuota;
    return { counts: await rebuildFiles({ ...at.services, files }, { report, ...options }), findings };
  };
  const listFiles = async (user: string, at = service) => {
    const { body } = await at.call<{ files: Record<string, unknown>[] }>(user, '/files?limit=100');
    return body.files
      .map((file) => ({ ...file, ...LOST }) as Record<string, unknown>)
      .sort((a, b) => `${a.fileId}`.localeCompare(`${b.fileId}`));
  };
  const forget = (where = 'true') => service.database.query(`delete from files where ${where}`);
  const postForm = async (user: string, text: string) => {
    const form = { fileName: 'form.txt', contentType: 'text/plain', size: text.length, method: 'POST' };
    const { body: upload } = await service.call<Upload & { fields: Record<string, string> }>(
      user,
      '/presign-upload',
      form,
    );
    const body = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
    body.append('file', new Blob([text]));
    expect((await fetch(upload.presignedUrl, { method: 'POST', body })).status).toBe(204);
    return upload;
  };
  const storeParts = async (user: string) => {
    const request = { fileName: 'parts.txt', contentType: 'text/plain', size: 5, method: 'MULTIPART' };
    const { body } = await service.call<Upload & { uploadId: string; parts: { presignedUrl: string }[] }>(
      user,
      '/presign-upload',
      request,
    );
    await fetch(body.parts[0]?.presignedUrl ?? '', { method: 'PUT', body: new TextEncoder().encode('hello') });
    const { objectKey, uploadId } = body;
    expect((await service.call(user, '/confirm-upload', { objectKey, uploadId })).status).toBe(201);
  };

  it('restores every row: of a PUT, of parts, of a form, with names, labels, metadata and checksums', async () => {
    const checksumSha256 = 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';
    await service.store('alice', 'abc', { checksumSha256, metadata: { source: 'Łódź' }, fileName: 'Zürich 1.txt' });
    await service.store('alice', 'labelled', { recordId: 'case-42', documentType: 'contract', encryption: '1.of-it' });
    await service.store('ŁÓDŹ', 'another user');
    await storeParts('alice');
    const form = await postForm('alice', 'of a form');
    expect((await service.confirm('alice', form.objectKey)).status).toBe(201);
    const before = [await listFiles('alice'), await listFiles('ŁÓDŹ')];
    const usage = (await service.call('alice', '/usage')).body;

    await forget();
    expect(await listFiles('alice')).toEqual([]);
    const tried = await rebuild({ dryRun: true });
    expect(tried).toEqual({ counts: { ...NOTHING, listed: 5, made: 5 }, findings: [] });
    expect(await listFiles('alice')).toEqual([]);
    expect(await rebuild()).toEqual({ counts: { ...NOTHING, listed: 5, made: 5 }, findings: [] });
    expect([await listFiles('alice'), await listFiles('ŁÓDŹ')]).toEqual(before);
    expect((await service.call('alice', '/usage')).body).toEqual(usage);
    // Existing rows are kept, so it may be repeated after any interruption.
    await forget(`owner_id = 'ŁÓDŹ'`);
    expect(await rebuild()).toEqual({ counts: { ...NOTHING, listed: 5, known: 4, made: 1 }, findings: [] });
    const events = await service.database.query(
      `select actor_id, user_id, outcome from audit_events where action = 'file.rebuild'`,
    );
    expect(events).toHaveLength(6);
    expect(events[0]).toMatchObject({ actor_id: '\u001frebuild', outcome: 'ok' });
  });

  it('dates a file by its object, not by the rebuild', async () => {
    const [row] = await service.database.query('select created_at from files limit 1');
    expect(Math.abs(Date.now() - Number(row?.created_at))).toBeLessThan(3_600_000);
    const [{ key, lastModified } = { key: '', lastModified: null }] = (
      await service.services.lister.objects('alice/', null)
    ).objects;
    const [same] = await service.database.query('select created_at from files where object_key = $1', [key]);
    expect(same?.created_at).toEqual(lastModified);
  });

  it('lists objects that do not verify, and leaves them', async () => {
    const big = await service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 3 });
    await service.bucket.write(big.objectKey, 'written past every URL');
    await service.bucket.write('bob/hand-made.txt', 'x');
    const { counts, findings } = await rebuild();
    expect(counts).toMatchObject({ made: 0, unverified: 1, foreign: 1 });
    expect(findings).toEqual([{ key: big.objectKey, reasons: [{ path: 'metadata', message: expect.any(String) }] }]);
    expect(await service.bucket.read(big.objectKey)).not.toBeNull();
    const object = await service.services.bucket.head(big.objectKey);
    if (object !== null) await service.services.bucket.remove(object);
  });

  it('keeps deleted and refused rows and their columns', async () => {
    const file = await service.store('carl', 'renamed');
    await service.call('carl', `/files/${file.fileId}`, { fileName: 'new.txt' }, { method: 'PATCH' });
    const refused = await service.presign('carl', { fileName: 'b.txt', contentType: 'text/plain', size: 1 });
    await service.call('carl', '/abort-upload', { objectKey: refused.objectKey });
    await service.put(refused, 'x');
    expect((await rebuild()).counts).toMatchObject({ made: 0, unverified: 0 });
    expect((await listFiles('carl')).map(({ fileName }) => fileName)).toEqual(['new.txt']);
    expect((await service.call('carl', `/files/${refused.fileId}`)).status).toBe(404);
  });

  it('copies uploads that can be sent again, as a confirmation does, and removes nothing', async () => {
    const form = await postForm('dora', 'not confirmed yet');
    expect((await rebuild()).counts).toMatchObject({ made: 1 });
    const [row] = await service.database.query('select stored_key from files where id = $1', [form.fileId]);
    expect(String(row?.stored_key)).toContain('.verified/');
    for (const key of [form.objectKey, String(row?.stored_key)]) {
      expect(String(await service.bucket.read(key))).toBe('not confirmed yet');
    }
    // The original beside the copy is not the file.
    await forget(`owner_id = 'dora'`);
    expect((await rebuild()).counts).toMatchObject({ made: 1 });
    const [again] = await service.database.query('select stored_key from files where id = $1', [form.fileId]);
    expect(again).toEqual(row);
  });

  it('reports a copy whose bytes differ from its file’s', async () => {
    const [row] = await service.database.query(`select stored_key from files where owner_id = 'dora'`);
    const copy = String(row?.stored_key);
    const other = copy.replace(/[0-9a-f-]{36}/, service.services.newId(new Date()));
    await service.bucket.write(other, 'other bytes');
    const { counts, findings } = await rebuild();
    expect(counts).toMatchObject({ made: 0, otherCopies: 1 });
    expect(findings).toMatchObject([{ key: other }]);
  });

  it('makes no second row of what is confirmed meanwhile, and none of what is removed meanwhile', async () => {
    const { bucket, sweepQueries } = service.services;
    const at = (more: object) => ({ ...service, services: { ...service.services, ...more } });
    const listed = { ...sweepQueries, withIds: async () => [] };
    const { counts } = await rebuild({}, at({ sweepQueries: listed }));
    expect(counts).toMatchObject({ made: 0, failed: 0, known: expect.any(Number) });
    expect(counts.known).toBeGreaterThan(0);
    await forget();
    const gone = await rebuild({}, at({ bucket: { ...bucket, head: async () => null } }));
    expect(gone.counts).toMatchObject({ made: 0, unverified: 0, failed: 0 });
    expect((await rebuild()).counts.made).toBeGreaterThan(0);
  });

  it('ignores a smaller quota, and restores each file for the owner in its key', async () => {
    await service.store('erin', 'one');
    await service.store('erin', 'two');
    const [{ object_key: key } = {}] = await service.database.query(
      `select object_key from files where owner_id = 'erin' limit 1`,
    );
    await forget(`owner_id = 'erin'`);
    const small = await startTestService({
      env: { ...service.bucket.env, DATABASE_URL: service.database.url, QUOTA_FILES: '1' },
    });
    try {
      expect((await rebuild({}, small)).counts).toMatchObject({ made: 2 });
      expect(await listFiles('erin', small)).toHaveLength(2);
    } finally {
      await small.close();
    }
    // An object copied under another user's prefix belongs to that user, whatever its metadata says.
    const stolen = String(key).replace('erin/', 'mallory/');
    await service.bucket.write(stolen, 'one', { Metadata: { 'signpost-name': 'a.txt', 'signpost-size': '3' } });
    await rebuild();
    expect(await listFiles('erin')).toHaveLength(2);
    expect(await listFiles('mallory')).toEqual([]);
  });

  it('ends between two objects when aborted, and reports what the bucket refuses', async () => {
    await expect(rebuild({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  it('restores a service after a database restore, as documented', async () => {
    await service.store('frank', 'before the backup');
    await service.services.watermark.settle();
    const backup = await copyDatabase(service.database);
    const lost = await service.store('frank', 'after the backup');
    await service.services.watermark.settle();
    const before = await listFiles('frank');

    const restored = await startTestService({ env: { ...service.bucket.env, DATABASE_URL: backup.url } });
    try {
      await expect(sweep(withClocks(restored.services, TWO_DAYS_ON))).rejects.toThrow('npm run rebuild');
      expect((await rebuild({ dryRun: true }, restored)).counts).toMatchObject({ made: 1 });
      expect((await rebuild({}, restored)).counts).toMatchObject({ made: 1 });
      expect(await listFiles('frank', restored)).toEqual(before);
      const tried = await sweep(withClocks(restored.services, TWO_DAYS_ON), { dryRun: true, adopt: true });
      expect(tried.counts).toMatchObject({ missing: 0 });
      await sweep(restored.services, { adopt: true });
      const { counts } = await sweep(withClocks(restored.services, TWO_DAYS_ON));
      expect(counts).toMatchObject({ missing: 0, failed: 0 });
      expect(String(await service.bucket.read(lost.objectKey))).toBe('after the backup');
      // The old database can no longer sweep.
      await expect(sweep(service.services)).rejects.toThrow('another database');
    } finally {
      await restored.close();
      await backup.drop();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toUserId, type UserId } from '../../src/contract/object-key.ts';
import { type ImportOptions, type ImportResult, importFiles } from '../../src/jobs/import-files.ts';
import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { startTestService, type TestService, withConfig } from '../helpers/test-service.ts';
import { withClocks } from './with-clocks.ts';

const NOTHING = { listed: 0, imported: 0, known: 0, rejected: 0, skipped: 0, failed: 0 };
const TEXT = { ContentType: 'text/plain' };
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
const DAYS_MS = 2 * 86_400_000;
const LATER = { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS };

describe('importing objects of another program', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ env: { QUOTA_FILES: '2' } });
  });
  afterAll(() => service.close());

  const run = async (prefix: string, owner: string, options: ImportOptions = {}, services = service.services) => {
    const results: ImportResult[] = [];
    const target = { owner: toUserId(owner) as UserId, recordId: null, documentType: null };
    const counts = await importFiles({ ...services, files: services.filesWithoutQuota }, prefix, target, {
      report: (result) => results.push(result),
      ...options,
    });
    return { counts, results: results.sort((a, b) => a.key.localeCompare(b.key)) };
  };
  const listFiles = async (user: string) => {
    const { body } = await service.call<{ files: Record<string, unknown>[] }>(user, '/files?sort=fileName');
    return body.files;
  };
  const download = async (user: string, fileId: unknown) => {
    const { body } = await service.call<{ presignedUrl: string }>(user, '/presign-download', { fileId });
    return (await fetch(body.presignedUrl)).text();
  };

  it('makes files with names in Unicode, types, dates and metadata, and leaves the objects', async () => {
    await service.bucket.write('old/a/Łódź 1.txt', 'one', { ...TEXT, Metadata: { source: 'scanner' } });
    await service.bucket.write('old/b/two.TXT', 'two', { ContentType: 'Text/Plain;charset=utf-8' });
    await service.bucket.write('old/empty', '', { ContentType: 'application/pdf' });
    await service.bucket.write('old/folder/', '');
    const before = await service.services.lister.objects('old/', null);

    const tried = await run('old/', 'alice', { dryRun: true });
    expect(tried.counts).toEqual({ ...NOTHING, listed: 4, imported: 3, skipped: 1 });
    expect(await listFiles('alice')).toEqual([]);
    const { counts, results } = await run('old/', 'alice');
    expect(counts).toEqual(tried.counts);
    expect(results).toEqual(tried.results);

    const files = await listFiles('alice');
    expect(files).toMatchObject([
      { fileName: 'empty', contentType: 'application/pdf', size: 0, metadata: {} },
      { fileName: 'two.TXT', contentType: 'text/plain; charset=utf-8', size: 3 },
      { fileName: 'Łódź 1.txt', contentType: 'text/plain', size: 3, metadata: { source: 'scanner' } },
    ]);
    expect(await download('alice', files[2]?.fileId)).toBe('one');
    expect(results.map(({ key, ...result }) => [key, 'fileId' in result && result.fileId])).toEqual([
      ['old/a/Łódź 1.txt', files[2]?.fileId],
      ['old/b/two.TXT', files[1]?.fileId],
      ['old/empty', files[0]?.fileId],
    ]);
    expect(await service.services.lister.objects('old/', null)).toEqual(before);
    expect(new Date(String(files[0]?.createdAt))).toEqual(
      before.objects.find(({ key }) => key === 'old/empty')?.lastModified,
    );
    const events = await service.database.query(
      `select actor_id, user_id, outcome from audit_events where action = 'file.import'`,
    );
    expect(events).toHaveLength(3);
    expect(events[0]).toEqual({ actor_id: '\u001fimport', user_id: 'alice', outcome: 'ok' });
  });

  it('skips what it has imported, even if it was deleted; a replaced object is another file', async () => {
    const again = await run('old/', 'alice');
    expect(again.counts).toEqual({ ...NOTHING, listed: 4, known: 3, skipped: 1 });
    const [empty] = await listFiles('alice');
    expect(again.results).toContainEqual({
      key: 'old/empty',
      result: 'known',
      fileId: empty?.fileId,
      objectKey: empty?.objectKey,
    });
    await service.call('alice', `/files/${empty?.fileId}`, undefined, { method: 'DELETE' });
    await service.bucket.write('old/b/two.TXT', 'new', TEXT);
    expect((await run('old/', 'alice')).counts).toMatchObject({ imported: 1, known: 2 });
    const texts = await Promise.all((await listFiles('alice')).map(({ fileId }) => download('alice', fileId)));
    expect(texts.sort()).toEqual(['new', 'one', 'two']);
  });

  it('gives the same objects to another owner as well, under keys of theirs', async () => {
    const { counts, results } = await run('old/a/', 'team/ü');
    expect(counts).toEqual({ ...NOTHING, listed: 1, imported: 1 });
    expect(results).toMatchObject([
      { objectKey: expect.stringMatching(/^~dGVhbS_DvA\/_\/_\/[0-9a-f-]{36}\/__d__1\.txt$/) },
    ]);
    expect(await listFiles('team/ü')).toHaveLength(1);
  });

  it('makes files that a confirmation, a sweep and a rebuild treat like others', async () => {
    const [file] = await listFiles('team/ü');
    const confirmed = await service.confirm('team/ü', String(file?.objectKey));
    expect(confirmed).toMatchObject({ status: 200, body: { fileId: file?.fileId } });
    await service.services.watermark.settle();
    const { counts } = await sweep(withClocks(service.services, LATER));
    expect(counts).toMatchObject({ abandoned: 0, stray: 0, missing: 0, foreign: 4 });
    await service.database.query(`delete from files where owner_id = 'team/ü'`);
    const rebuilding = { ...service.services, files: service.services.filesWithoutQuota };
    expect(await rebuildFiles(rebuilding)).toMatchObject({ made: 1, unverified: 0 });
    const [rebuilt] = await listFiles('team/ü');
    expect({ ...rebuilt, createdAt: null }).toEqual({ ...file, createdAt: null });
  });

  it('rejects what a confirmation would reject, with the reasons, and copies nothing of it', async () => {
    await service.bucket.write('bad/page.png', '<html><script>', { ContentType: 'image/png' });
    await service.bucket.write('bad/big.txt', 'x'.repeat(101), TEXT);
    await service.bucket.write('bad/no-type', 'x', { ContentType: 'none' });
    await service.bucket.write('bad/gzip.txt', 'x', { ...TEXT, ContentEncoding: 'gzip' });
    await service.bucket.write(`bad/${'ü'.repeat(200)}.txt`, 'x', TEXT);
    await service.bucket.write('bad/\u202efdp.exe', 'x', TEXT);
    const limited = withConfig(service.services, 'limits', { maxUploadBytes: 100 });
    const { counts, results } = await run('bad/', 'bob', {}, limited);
    expect(counts).toEqual({ ...NOTHING, listed: 6, rejected: 6 });
    const reasons = new Map(results.map((result) => [result.key, 'reasons' in result && result.reasons[0]?.path]));
    expect(Object.fromEntries(reasons)).toEqual({
      'bad/page.png': 'contentType',
      'bad/big.txt': 'size',
      'bad/no-type': 'contentType',
      'bad/gzip.txt': 'contentEncoding',
      'bad/\u202efdp.exe': 'fileName',
      [`bad/${'ü'.repeat(200)}.txt`]: 'fileName',
    });
    expect((await service.services.lister.objects('bob/', null)).objects).toEqual([]);
  });

  it('leaves out metadata that does not fit, and says so; reserved names are not taken over', async () => {
    const Metadata = { 'signpost-name': 'forged.txt', 'signpost-size': '99', 'a-name-of-more-than-32-characters': 'x' };
    await service.bucket.write('meta/a.txt', 'x', { ...TEXT, Metadata });
    await service.bucket.write('meta/b.txt', 'x', { ...TEXT, Metadata: { 'signpost-name': 'forged.txt' } });
    const tried = await run('meta/', 'meg', { dryRun: true });
    const { results } = await run('meta/', 'meg');
    expect(results).toEqual(tried.results);
    expect(results).toMatchObject([{ metadataLost: true }, { result: 'imported' }]);
    expect(results[1]).not.toHaveProperty('metadataLost');
    expect(await listFiles('meg')).toMatchObject([
      { fileName: 'a.txt', metadata: {}, size: 1 },
      { fileName: 'b.txt', metadata: {}, size: 1 },
    ]);
  });

  it('skips the service’s own objects when it imports the whole bucket', async () => {
    await service.store('carl', 'uploaded');
    const { counts, results } = await run('', 'zoe', { dryRun: true });
    const own = results.filter(({ key }) => /^(carl|alice|~dGVhbS_DvA)\/|^\.signpost|^\.verified/.test(key));
    expect(own).toEqual([]);
    expect(counts.skipped).toBeGreaterThan(5);
    expect(counts.failed).toBe(0);
  });

  it('continues after it was killed between the copy and the row, even if a sweep ran meanwhile', async () => {
    await service.bucket.write('cut/a.png', '', { ContentType: 'image/png', Body: PNG });
    const files = { insert: () => Promise.reject(new Error('killed')) };
    const target = { owner: toUserId('kim') as UserId, recordId: null, documentType: null };
    await expect(importFiles({ ...service.services, files }, 'cut/', target)).rejects.toThrow('killed');
    expect((await service.services.lister.objects('kim/', null)).objects).toHaveLength(1);
    // Within a day the copy is made again, under the same key.
    const other = { ...target, owner: toUserId('lea') as UserId };
    await expect(importFiles({ ...service.services, files }, 'cut/', other)).rejects.toThrow('killed');
    expect((await run('cut/', 'lea')).counts).toMatchObject({ imported: 1 });
    expect((await service.services.lister.objects('lea/', null)).objects).toHaveLength(1);

    await service.services.watermark.settle();
    expect((await sweep(withClocks(service.services, LATER))).counts).toMatchObject({ abandoned: 1 });
    const { counts, results } = await run('cut/', 'kim');
    expect(counts).toMatchObject({ imported: 1 });
    expect(await listFiles('kim')).toMatchObject([{ contentType: 'image/png', detectedContentType: 'image/png' }]);
    expect((await run('cut/', 'kim')).results).toMatchObject([{ ...results[0], result: 'known' }]);
  });

  it('counts an object that is replaced meanwhile as failed, and imports it the next time', async () => {
    await service.bucket.write('race/a.txt', 'before', TEXT);
    const { bucket } = service.services;
    const head: typeof bucket.head = async (key, ...rest) => {
      const object = await bucket.head(key, ...rest);
      if (key === 'race/a.txt') await service.bucket.write('race/a.txt', 'after!', TEXT);
      return object;
    };
    const racing = { ...service.services, bucket: { ...bucket, head } };
    const { counts, results } = await run('race/', 'rob', {}, racing);
    expect(counts).toEqual({ ...NOTHING, listed: 1, failed: 1 });
    expect(results).toMatchObject([{ result: 'failed', reasons: [{ message: expect.stringContaining('changed') }] }]);
    expect((await run('race/', 'rob')).counts).toMatchObject({ imported: 1 });
    expect(await download('rob', (await listFiles('rob'))[0]?.fileId)).toBe('after!');
  });

  it('ends between two objects when aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(run('old/', 'alice', { signal })).rejects.toThrow('enough');
  });
});

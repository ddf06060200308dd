import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileRow } from '../../src/db/schema.ts';
import type { Finding } from '../../src/jobs/examine-each.ts';
import { rebindFiles } from '../../src/jobs/rebind-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { startTestService, type TestService } from '../helpers/test-service.ts';

/** With the copying tools themselves: `test/tools/move-bucket.test.ts`. */
describe('the rows of a moved bucket', () => {
  let before: TestService;
  let after: TestService;
  beforeAll(async () => {
    before = await startTestService();
    after = await startTestService({ env: { DATABASE_URL: before.database.url } });
    const { client, name: Bucket } = after.bucket;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  });
  afterAll(async () => {
    await after.close();
    await before.close();
  });

  const rebind = async (options = {}) => {
    const findings: Finding[] = [];
    const counts = await rebindFiles(after.services, { report: (finding) => findings.push(finding), ...options });
    const reasons = findings.map(({ key, reasons }) => [key, `${reasons[0]?.path} ${reasons[0]?.message}`]);
    return { counts, reasons: Object.fromEntries(reasons) };
  };
  const copy = async (
    key: string,
    as: { text?: string; contentType?: string; metadata?: Record<string, string> } = {},
  ) => {
    const object = await before.services.bucket.head(key);
    const text = as.text ?? String(await before.bucket.read(key));
    await after.bucket.write(key, text, {
      ContentType: as.contentType ?? object?.contentType,
      Metadata: as.metadata ?? { ...object?.metadata },
    });
  };

  it('get the new versions, after which the files can be read and deleted', async () => {
    const file = await before.store('alice', 'hello');
    const removed = await before.store('alice', 'removed');
    await before.call('alice', `/files/${removed.fileId}`, undefined, { method: 'DELETE' });
    await copy(file.objectKey);
    await after.bucket.write(removed.objectKey, 'removed');
    await after.bucket.write('alice/of another program', 'x');

    const counts = { listed: 1, same: 0, rebound: 1, unverified: 0, failed: 0 };
    expect(await rebind({ dryRun: true })).toEqual({ counts, reasons: {} });
    const { body: unchanged } = await after.call('alice', `/files/${file.fileId}`);
    expect(unchanged).toMatchObject({ versionId: null });
    expect(await rebind()).toEqual({ counts, reasons: {} });
    expect(await rebind()).toEqual({ counts: { ...counts, same: 1, rebound: 0 }, reasons: {} });

    const { body: changed } = await after.call('alice', `/files/${file.fileId}`);
    const object = await after.services.bucket.head(file.objectKey);
    expect(changed).toEqual({ ...unchanged, versionId: object?.versionId });
    const { body } = await after.call<{ presignedUrl: string }>('alice', '/presign-download', { fileId: file.fileId });
    expect(await (await fetch(body.presignedUrl)).text()).toBe('hello');
    const events = await before.database.query(
      `select actor_id, user_id, outcome from audit_events where action = 'file.rebind'`,
    );
    expect(events).toEqual([{ actor_id: '\u001frebuild', user_id: 'alice', outcome: 'ok' }]);
    await after.call('alice', `/files/${file.fileId}`, undefined, { method: 'DELETE' });
    expect(await after.bucket.read(file.objectKey)).toBeNull();
  });

  it('are each its own: not those of a file with the same bytes, nor one that has changed meanwhile', async () => {
    const [moved, twin] = [await before.store('ann', 'the same'), await before.store('ben', 'the same')];
    await copy(moved.objectKey);
    expect((await rebind()).counts).toMatchObject({ rebound: 1 });
    const versionOf = async (user: string, { fileId }: { fileId: string }) =>
      (await after.call(user, `/files/${fileId}`)).body.versionId;
    expect([await versionOf('ann', moved), await versionOf('ben', twin)]).toEqual([expect.any(String), null]);

    const { files, sweepQueries } = after.services;
    const row = await files.find({ id: twin.fileId, ownerId: 'ben' });
    const act = { actorId: 'test', requestId: 'r', address: null, action: 'file.rebind' } as const;
    for (const stale of [{ etag: '"another"' }, { versionId: 'another' }]) {
      const object = { etag: '"new"', versionId: 'new', sseKeyId: null };
      await sweepQueries.rebind({ ...(row as FileRow), ...stale }, object, act);
    }
    expect(await files.find({ id: twin.fileId, ownerId: 'ben' })).toEqual(row);
    await after.call('ann', `/files/${moved.fileId}`, undefined, { method: 'DELETE' });
  });

  it('are kept where the object is not what the row describes', async () => {
    const [longer, replaced, bare, typed] = await Promise.all(
      ['longer', 'replaced', 'bare', 'typed'].map((text) => before.store('bob', text)),
    );
    await copy(longer?.objectKey ?? '', { text: 'longer than it was' });
    await copy(replaced?.objectKey ?? '', { text: '%PDF-1.7', contentType: 'application/pdf' });
    await copy(bare?.objectKey ?? '', { metadata: {} });
    await copy(typed?.objectKey ?? '', { contentType: 'text/html' });
    expect(await rebind()).toEqual({
      counts: { listed: 4, same: 0, rebound: 0, unverified: 4, failed: 0 },
      reasons: {
        [longer?.objectKey ?? '']: 'size stored 18 bytes, the file has 6',
        [replaced?.objectKey ?? '']: 'contentType the stored type differs from the signed one',
        [bare?.objectKey ?? '']: 'metadata was not copied with the object',
        [typed?.objectKey ?? '']: "contentType is text/html, the file's text/plain",
      },
    });
    const { body } = await after.call<{ files: { versionId: unknown }[] }>('bob', '/files');
    expect(body.files.map(({ versionId }) => versionId)).toEqual([null, null, null, null]);
  });

  it('do not claim the bucket: without the marker nothing is swept', async () => {
    await before.services.watermark.settle();
    await expect(sweep(after.services)).rejects.toThrow('nothing is swept');
  });
});

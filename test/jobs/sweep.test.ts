import { createHash } from 'node:crypto';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toUserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { createApp } from '../../src/http/app.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { confirmUpload } from '../../src/uploads/confirm-upload.ts';
import { mint, startTestService, type TestService, type Upload, withConfig } from '../helpers/test-service.ts';
import { withClocks } from './with-clocks.ts';

const DAY_MS = 86_400_000;

describe('a sweep', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());
  /** The services with all clocks ahead by `ms`. */
  const after = (ms: number) => withClocks(service.services, { bucket: ms, database: ms, host: ms });
  const sweepAfter = async (ms: number, options = {}) => {
    await service.services.watermark.settle(); // Else it looks for files that this sweep forgets.
    return (await sweep(after(ms), options)).counts;
  };
  const uploadOnly = async (user: string, text: string): Promise<Upload> => {
    const upload = await service.presign(user, { fileName: 'a.txt', contentType: 'text/plain', size: text.length });
    expect((await service.put(upload, text)).status).toBe(200);
    return upload;
  };
  const remove = (user: string, fileId: string) =>
    service.call(user, `/files/${fileId}`, undefined, { method: 'DELETE' });
  const exists = async (key: string) => (await service.bucket.read(key)) !== null;

  it('leaves active and archived files and new uploads, and removes uploads not confirmed within a day', async () => {
    const file = await service.store('alice', 'a file');
    const archived = await service.store('alice', 'archived');
    await service.call('alice', `/files/${archived.fileId}/archive`, undefined, { method: 'POST' });
    const abandoned = await uploadOnly('alice', 'abandoned');

    expect(await sweepAfter(DAY_MS - 60_000)).toMatchObject({ abandoned: 0, stray: 0, missing: 0 });
    expect(await exists(abandoned.objectKey)).toBe(true);
    expect(await sweepAfter(DAY_MS + 60_000)).toMatchObject({ abandoned: 1, stray: 0, missing: 0 });
    expect(await exists(abandoned.objectKey)).toBe(false);
    for (const { objectKey } of [file, archived]) expect(await exists(objectKey)).toBe(true);
    expect((await service.confirm('alice', abandoned.objectKey)).status).toBe(404);
  });

  it('only counts in a dry run', async () => {
    const abandoned = await uploadOnly('dora', 'abandoned');
    const before = await service.services.sweepQueries.readState();
    expect(await sweepAfter(2 * DAY_MS, { dryRun: true })).toMatchObject({ abandoned: 1 });
    expect(await exists(abandoned.objectKey)).toBe(true);
    expect(await service.services.sweepQueries.readState()).toEqual(before);
    expect((await service.confirm('dora', abandoned.objectKey)).status).toBe(201);
  });

  it('leaves and counts objects whose key is not an upload’s', async () => {
    await service.bucket.write('alice/hand-made.txt', 'x');
    await service.bucket.write('.verified/not-a-copy', 'x');
    expect(await sweepAfter(30 * DAY_MS)).toMatchObject({ foreign: 2 });
    for (const key of ['alice/hand-made.txt', '.verified/not-a-copy']) expect(await exists(key)).toBe(true);
  });

  it('finishes deletions, and removes objects uploaded again after that', async () => {
    const file = await service.store('bob', 'deleted');
    expect((await remove('bob', file.fileId)).status).toBe(204);
    expect(await exists(file.objectKey)).toBe(false);
    // As if the service had died between both steps.
    await service.bucket.write(file.objectKey, 'deleted');
    await service.database.query('update files set object_removed_at = null where id = $1', [file.fileId]);
    const [{ etag } = {}] = await service.database.query('select etag from files where id = $1', [file.fileId]);
    expect(etag).toBe(`"${createHash('md5').update('deleted').digest('hex')}"`);
    expect(await sweepAfter(0)).toMatchObject({ deleted: 1 });
    expect(await exists(file.objectKey)).toBe(false);

    await service.bucket.write(file.objectKey, 'a late upload');
    expect(await sweepAfter(0)).toMatchObject({ deleted: 0, stray: 1 });
    expect(await exists(file.objectKey)).toBe(false);
  });

  it('forgets a deleted file after all its URLs have expired', async () => {
    const file = await service.store('bob', 'forgotten');
    await remove('bob', file.fileId);
    const rows = () => service.database.query('select 1 from files where id = $1', [file.fileId]);
    expect((await sweepAfter(7 * DAY_MS)).forgotten).toBe(0);
    expect(await rows()).toHaveLength(1);
    expect((await sweepAfter(8 * DAY_MS + 60_000)).forgotten).toBeGreaterThan(0);
    expect(await rows()).toHaveLength(0);
  });

  it('removes what was left of a rejected file, and never forgets why it was rejected', async () => {
    const held = withConfig(service.services, 'limits', { holdUploads: true });
    const upload = await uploadOnly('ron', 'a virus');
    const confirmed = await createApp(held).request('/confirm-upload', {
      method: 'POST',
      headers: { authorization: `Bearer ${await mint('ron')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ objectKey: upload.objectKey }),
    });
    expect(await confirmed.json()).toMatchObject({ status: 'held' });
    expect(await sweepAfter(30 * DAY_MS)).toMatchObject({ stray: 0, missing: 0 });
    expect(await exists(upload.objectKey)).toBe(true);
    // As an instance leaves it that dies between the verdict and the removal.
    const verdict = { verdict: 'rejected', reason: 'a virus', by: null, at: new Date().toISOString() };
    const reject = `update files set status = 'rejected', deleted_at = now(), verdict = $1 where id = $2`;
    await service.database.query(reject, [JSON.stringify(verdict), upload.fileId]);
    expect(await sweepAfter(0)).toMatchObject({ deleted: 1 });
    expect(await exists(upload.objectKey)).toBe(false);
    expect(await sweepAfter(30 * DAY_MS)).toMatchObject({ deleted: 0 });
    const { body } = await service.call('ron', `/files/${upload.fileId}`);
    expect(body).toMatchObject({ status: 'rejected', rejection: 'a virus' });
  });

  it('removes objects with a refused id under any name, but not those of another owner with the same id', async () => {
    const upload = await uploadOnly('dan', 'under its own name');
    const others = await uploadOnly('eve', 'of another user');
    const refused = `dan/_/_/${upload.fileId}/x`;
    const same = `eve/_/_/${upload.fileId}/a.txt`;
    const Metadata = { 'signpost-name': 'a.txt', 'signpost-size': '5', 'signpost-type': 'text/plain' };
    const more = { ContentType: 'text/plain', Metadata };
    await service.bucket.write(refused, 'of another size', more);
    await service.bucket.write(same, 'hello', more);
    expect((await service.confirm('dan', refused)).status).toBe(422);
    expect((await service.confirm('eve', same)).status).toBe(201);
    expect(await sweepAfter(0)).toMatchObject({ stray: 1, abandoned: 0 });
    expect(await exists(upload.objectKey)).toBe(false);
    expect([await exists(same), await exists(others.objectKey)]).toEqual([true, true]);
    expect((await service.confirm('eve', others.objectKey)).status).toBe(201);
  });

  it('removes copies without a file and originals sent again, and leaves the copy of a file', async () => {
    const form = { fileName: 'a.txt', contentType: 'text/plain', size: 4, method: 'POST' };
    const { body: upload } = await service.call<Upload & { fields: Record<string, string> }>(
      'carl',
      '/presign-upload',
      form,
    );
    const post = async () => {
      const body = new FormData();
      for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
      body.append('file', new Blob(['form']));
      return (await fetch(upload.presignedUrl, { method: 'POST', body })).status;
    };
    expect(await post()).toBe(204);
    expect((await service.confirm('carl', upload.objectKey)).status).toBe(201);
    expect(await post()).toBe(204);
    const stray = `.verified/${uuidv7()}/${upload.objectKey}`;
    await service.bucket.write(stray, 'a copy whose confirmation crashed');
    const [{ stored_key: copy } = {}] = await service.database.query('select stored_key from files where id = $1', [
      upload.fileId,
    ]);

    expect(await sweepAfter(60_000)).toMatchObject({ stray: 1 });
    expect([await exists(upload.objectKey), await exists(stray), await exists(String(copy))]).toEqual([
      false,
      true,
      true,
    ]);
    expect(await sweepAfter(DAY_MS + 60_000)).toMatchObject({ stray: 1, missing: 0 });
    expect([await exists(stray), await exists(String(copy))]).toEqual([false, true]);
  });

  it('leaves an upload in parts for a day after the last moment at which it can be completed', async () => {
    const request = { fileName: 'b.txt', contentType: 'text/plain', size: 5, method: 'MULTIPART' };
    const { body } = await service.call<Upload & { uploadId: string; parts: { presignedUrl: string }[] }>(
      'hugo',
      '/presign-upload',
      request,
    );
    const url = body.parts[0]?.presignedUrl ?? '';
    expect((await fetch(url, { method: 'PUT', body: new TextEncoder().encode('hello') })).status).toBe(200);
    const { multipart } = service.services;
    const bucketUploadId = body.uploadId.split('.').slice(3).join('.');
    const object = { key: body.objectKey, sseKeyId: null };
    const parts = (await multipart.listParts(object, bucketUploadId)) ?? [];
    expect(await multipart.complete(object, bucketUploadId, parts)).toBeNull();

    expect(await sweepAfter(8 * DAY_MS - 60_000)).toMatchObject({ abandoned: 0 });
    expect(await exists(body.objectKey)).toBe(true);
    expect(await sweepAfter(8 * DAY_MS + 60_000)).toMatchObject({ abandoned: 1 });
    expect(await exists(body.objectKey)).toBe(false);
  });

  it('aborts uploads in parts that are not finished within a week', async () => {
    const { client, name } = service.bucket;
    const request = { fileName: 'b.bin', contentType: 'application/octet-stream', size: 6e6, method: 'MULTIPART' };
    await service.call('alice', '/presign-upload', request);
    await client.send(new CreateMultipartUploadCommand({ Bucket: name, Key: 'somebody/else' }));
    const open = async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
      return Uploads.length;
    };
    expect(await open()).toBe(2);
    expect((await sweepAfter(7 * DAY_MS - 60_000)).aborted).toBe(0);
    expect((await sweepAfter(7 * DAY_MS + 60_000)).aborted).toBe(1);
    expect(await open()).toBe(1);
  });

  it('reports and leaves files whose object is gone', async () => {
    const file = await service.store('erin', 'lost');
    await service.services.bucket.remove({ key: file.objectKey, etag: String(file.etag), versionId: null });
    expect(await sweepAfter(0)).toMatchObject({ missing: 1 });
    const { fields } = service.logs.findLast(({ message }) => message === 'the object of a file is gone') ?? {};
    expect(fields).toMatchObject({ fileId: file.fileId, objectKey: file.objectKey });
    expect((await service.call('erin', `/files/${file.fileId}`)).status).toBe(200);
    await remove('erin', file.fileId);
  });

  it('removes no object that is being confirmed', async () => {
    const uploads = await Promise.all(Array.from({ length: 40 }, (_, n) => uploadOnly('frank', `file number ${n}`)));
    // Many times, so that each step of one can meet each step of the other.
    const confirmations = uploads.map(async ({ objectKey }, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 7));
      return service.confirm('frank', objectKey);
    });
    const sweeps = (async () => {
      for (let n = 0; n < 4; n++) await sweep(after(2 * DAY_MS));
    })();
    const [answers] = await Promise.all([Promise.all(confirmations), sweeps]);
    for (const [n, { status, body }] of answers.entries()) {
      const bytes = await service.bucket.read(uploads[n]?.objectKey ?? '');
      if (status === 201) expect(bytes?.toString(), String(body.fileId)).toBe(`file number ${n}`);
      else {
        expect([404, 409]).toContain(status);
        expect(bytes).toBeNull();
      }
    }
  });

  it('leaves an upload that is confirmed after the sweep found no row', async () => {
    const upload = await uploadOnly('gina', 'confirmed in between');
    const { sweepQueries } = service.services;
    const withIds: typeof sweepQueries.withIds = async (files) => {
      const rows = await sweepQueries.withIds(files);
      expect((await service.confirm('gina', upload.objectKey)).status).toBeLessThan(300);
      return rows;
    };
    const slow = { ...after(2 * DAY_MS), sweepQueries: { ...sweepQueries, withIds } };
    expect((await sweep(slow)).counts).toMatchObject({ abandoned: 0 });
    expect(await exists(upload.objectKey)).toBe(true);
  });

  it('wins completely over a confirmation that has seen the object but not yet inserted its row', async () => {
    const upload = await uploadOnly('gina', 'swept in between');
    const { files } = service.services;
    const insert: typeof files.insert = async (...args) => {
      expect((await sweepAfter(2 * DAY_MS)).abandoned).toBe(1);
      return files.insert(...args);
    };
    const userId = toUserId('gina');
    if (userId === null) throw new Error('a user id');
    const caller = {
      userId,
      actorId: userId,
      isOnBehalf: false,
      scopes: new Set<Scope>(),
      requestId: 'r',
      address: null,
    };
    const slow = { ...service.services, files: { ...files, insert } };
    await expect(confirmUpload(slow, caller, { objectKey: upload.objectKey })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await exists(upload.objectKey)).toBe(false);
    expect((await service.call('gina', `/files/${upload.fileId}`)).status).toBe(404);
  });

  it('continues where it was stopped', async () => {
    const keys = Array.from({ length: 1001 }, (_, n) => `zoo/${String(n).padStart(4, '0')}`);
    for (let n = 0; n < keys.length; n += 50) {
      await Promise.all(keys.slice(n, n + 50).map((key) => service.bucket.write(key, 'x')));
    }
    const stopping = new AbortController();
    // A page without the sweeper's own marker.
    const half = await sweep(service.services, { signal: stopping.signal, onProgress: () => stopping.abort() });
    expect(half).toMatchObject({ finishedAt: null, counts: { listed: 999 } });
    const { startedAt, ...state } = (await service.services.sweepQueries.readState()) ?? {};
    expect(state).toMatchObject({ afterKey: half.afterKey, finishedAt: null });
    const whole = await sweep(service.services);
    expect(whole.startedAt).toEqual(startedAt);
    expect(whole.finishedAt).not.toBeNull();
    expect(whole.counts.listed).toBeGreaterThan(1000);
    expect(whole.counts.listed).toBeLessThan(1100);
  });

  it('runs on one instance at a time', async () => {
    const { exclusively } = service.services;
    let first: Promise<string | null> = Promise.resolve(null);
    const release = await new Promise<(result: string) => void>((begun) => {
      first = exclusively('a test', () => new Promise<string>((resolve) => begun(resolve)));
    });
    expect(await exclusively('a test', async () => 'second')).toBeNull();
    release('first');
    expect(await first).toBe('first');
    await expect.poll(() => exclusively('a test', async () => 'third')).toBe('third');
  });
});

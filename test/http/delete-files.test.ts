import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { startRelay } from '../helpers/relay.ts';
import { expectProblem, mint, startTestBucket, startTestService } from '../helpers/test-service.ts';
import { listed, path, remove, type Stored, service, stateOf, storeAs } from './stored-files.ts';

describe('DELETE /files/{fileId}', () => {
  it('removes the object in the same call, and the file from every list', async () => {
    const file = await storeAs('active');
    const { status, body } = await remove(file);
    expect([status, body]).toEqual([204, null]);
    expect(await service.bucket.read(file.objectKey)).toBeNull();
    expect(await listed(file)).toBe(false);
    const [row] = await stateOf(file);
    expect(row).toEqual({ status: 'deleted', deleted_at: expect.any(Date), object_removed_at: expect.any(Date) });
  });

  it('succeeds once for simultaneous calls', async () => {
    const file = await storeAs('active');
    const statuses = (await Promise.all(Array.from({ length: 10 }, () => remove(file)))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([204, ...Array.from({ length: 9 }, () => 404)]);
  });

  it('deletes a file that was confirmed between its two statements', async () => {
    const file = await storeAs('active');
    const { files } = service.services;
    let before = 1;
    const change: typeof files.change = async (...all) => (before-- > 0 ? null : files.change(...all));
    const app = createApp({ ...service.services, files: { ...files, change } });
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    expect((await app.request(path(file), { method: 'DELETE', headers })).status).toBe(204);
    expect((await service.call('alice', path(file))).status).toBe(404);
  });

  it('is final: an object uploaded again under its key can become no file, and is removed', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    await remove(upload);
    expect((await service.put(upload, 'world')).status).toBe(200);
    expectProblem(await service.confirm('alice', upload.objectKey), 409, 'conflict');
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    expectProblem(await service.call('alice', path(upload)), 404, 'file-not-found');
  });

  it('leaves an object that was written under its key by other means', async () => {
    const file = await storeAs('active');
    await service.bucket.write(file.objectKey, 'replaced');
    expect((await remove(file)).status).toBe(204);
    // A store without conditional deletes cannot detect it.
    const left = await service.bucket.read(file.objectKey);
    if (process.env.TEST_S3_ENDPOINT === undefined) expect(String(left)).toBe('replaced');
  });

  it('keeps the object for DELETE_AFTER_SECONDS, despite confirmations and abortions', async () => {
    const keeping = await startTestService({ env: { DELETE_AFTER_SECONDS: '3600' } });
    try {
      const file = await storeAs('deleted', keeping);
      expectProblem(await keeping.call('alice', path(file)), 404, 'file-not-found');
      expectProblem(await keeping.confirm('alice', file.objectKey), 409, 'conflict');
      const { status } = await keeping.call('alice', '/abort-upload', { objectKey: file.objectKey });
      expect(status).toBe(204);
      expect(String(await keeping.bucket.read(file.objectKey))).toBe('hello');
      const [row] = await keeping.database.query('select status, object_removed_at from files');
      expect(row).toEqual({ status: 'deleted', object_removed_at: null });
    } finally {
      await keeping.close();
    }
  });

  it('removes the copy with FREEZE_UPLOADS=all', async () => {
    const freezing = await startTestService({ env: { FREEZE_UPLOADS: 'all' } });
    try {
      const file = await freezing.store('alice', 'hello');
      const [row] = await freezing.database.query('select stored_key from files');
      const copy = String(row?.stored_key);
      expect(String(await freezing.bucket.read(copy))).toBe('hello');
      expect((await remove(file, 'alice', freezing)).status).toBe(204);
      expect(await freezing.bucket.read(copy)).toBeNull();
      expect(await freezing.bucket.read(file.objectKey)).toBeNull();
    } finally {
      await freezing.close();
    }
  });

  it('removes the copy of a form', async () => {
    const request = { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' };
    type Form = Stored & { presignedUrl: string; fields: Record<string, string> };
    const { body: upload } = await service.call<Form>('alice', '/presign-upload', request);
    const form = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
    form.append('file', new Blob(['hello']));
    expect((await fetch(upload.presignedUrl, { method: 'POST', body: form })).status).toBeLessThan(300);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
    const [row] = await service.database.query('select stored_key from files where id = $1', [upload.fileId]);
    expect(await service.bucket.read(String(row?.stored_key))).not.toBeNull();
    expect((await remove(upload)).status).toBe(204);
    expect(await service.bucket.read(String(row?.stored_key))).toBeNull();
  });

  it('answers 204 while the bucket is down; the row records the remaining step', async () => {
    const bucket = await startTestBucket();
    const relay = await startRelay(bucket.endpoint);
    const cut = await startTestService({
      env: { ...bucket.env, S3_ENDPOINT: relay.url, S3_PUBLIC_ENDPOINT: bucket.endpoint },
    });
    try {
      const file = await storeAs('active', cut);
      await relay.goAway();
      expect((await remove(file, 'alice', cut)).status).toBe(204);
      expectProblem(await cut.call('alice', path(file)), 404, 'file-not-found');
      expect(String(await bucket.read(file.objectKey))).toBe('hello');
      const [row] = await cut.database.query('select status, object_removed_at from files');
      expect(row).toEqual({ status: 'deleted', object_removed_at: null });
      expect(cut.logs.some(({ level, message }) => level === 'error' && message.includes('sweeper'))).toBe(true);
    } finally {
      await cut.close();
      await relay.goAway();
      await bucket.close();
    }
  });
});

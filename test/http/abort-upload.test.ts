import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { expectProblem } from '../helpers/test-service.ts';
import { begin, openUploads, type Part, post, putAll, putPart, request, service } from './multipart-service.ts';

describe('POST /abort-upload', () => {
  it('removes the parts, and succeeds if nothing is left', async () => {
    const before = await openUploads();
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    await putPart(upload.parts[0] as Part);
    expect(await openUploads()).toBe(before + 1);
    for (let i = 0; i < 2; i++) expect((await post('/abort-upload', { objectKey, uploadId })).status).toBe(204);
    expect(await openUploads()).toBe(before);
    expectProblem(await post('/list-parts', { objectKey, uploadId }), 404, 'upload-not-found');
    expectProblem(await post('/confirm-upload', { objectKey, uploadId }), 404, 'upload-not-found');
    expect((await post('/abort-upload', { objectKey: 'alice/never' })).status).toBe(204);
  });

  it('removes an unconfirmed PUT for good', async () => {
    const upload = await service.presign('alice', { ...request, size: 5 });
    await service.put(upload, 'hello');
    expect((await post('/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    expectProblem(await service.confirm('alice', upload.objectKey), 404, 'object-not-found');
    expect((await service.call('alice', `/files/${upload.fileId}`)).status).toBe(404);
  });

  it('prevents that an object that arrives later becomes a file', async () => {
    const upload = await service.presign('alice', { ...request, size: 5 });
    expect((await post('/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    await service.put(upload, 'hello');
    expectProblem(await service.confirm('alice', upload.objectKey), 409, 'conflict');
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
  });

  it('prevents that parts become a file, even without their upload id', async () => {
    const upload = await begin();
    const { objectKey, uploadId } = upload;
    expect((await post('/abort-upload', { objectKey })).status).toBe(204);
    await putAll(upload);
    expectProblem(await post('/confirm-upload', { objectKey, uploadId }), 409, 'conflict');
    expect(await service.bucket.read(objectKey)).toBeNull();
  });

  it('leaves no row for a key that was never signed, even if another user has the id', async () => {
    const mine = await service.presign('gus', { ...request, size: 5 });
    const alices = await service.presign('alice', { ...request, size: 5 });
    const old = mine.fileId.replace(/^.{8}/, '01800000');
    const keys = [
      ...Array.from({ length: 50 }, () => `gus/_/_/${uuidv7()}/film.bin`),
      ...[mine.fileId, alices.fileId].flatMap((id) => [`gus/_/_/${id}/x`, `gus/r/_/${id}/film.bin`]),
      `gus/_/_/${alices.fileId}/film.bin`,
      `gus/_/_/${old}/film.bin`,
    ];
    for (const objectKey of keys) expect((await post('/abort-upload', { objectKey }, 'gus')).status).toBe(204);
    expect(await service.database.query(`select id from files where owner_id = 'gus'`)).toEqual([]);
    // None of this changed the signed upload; aborting it does.
    await service.put(mine, 'hello');
    expect((await service.confirm('gus', mine.objectKey)).status).toBe(201);
    const another = await service.presign('gus', { ...request, size: 5 });
    expect((await post('/abort-upload', { objectKey: another.objectKey }, 'gus')).status).toBe(204);
    expect(await service.database.query(`select id from files where status = 'refused' and owner_id = 'gus'`)).toEqual([
      { id: another.fileId },
    ]);
  });

  it('never leaves a row without an object during concurrent confirmations', async () => {
    for (let i = 0; i < 20; i++) {
      const upload = await service.presign('alice', { ...request, size: 5 });
      await service.put(upload, 'hello');
      const [aborted, confirmed] = await Promise.all([
        post('/abort-upload', { objectKey: upload.objectKey }),
        service.confirm('alice', upload.objectKey),
      ]);
      const object = await service.bucket.read(upload.objectKey);
      if (confirmed.status === 201) expect([aborted.status, String(object)]).toEqual([409, 'hello']);
      else expect([aborted.status, object]).toEqual([204, null]);
    }
  });
});

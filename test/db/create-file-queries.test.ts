import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FILE_STATE_NAMES, FILE_STATES } from '../../src/contract/file-states.ts';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFileQueries, type FileQueries, type NewFile } from '../../src/db/create-file-queries.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { newFile } from '../helpers/new-file.ts';

const NO_QUOTA = { bytes: null, files: null };
const ACT = { actorId: 'alice', address: '192.0.2.1', requestId: 'r1', action: 'upload.confirm' } as const;

/** What becomes of it. */
const asRow = (file: NewFile) => ({
  ...file,
  status: 'active',
  refusal: null,
  verdict: null,
  deletedAt: null,
  objectRemovedAt: null,
});

describe.each(['pg', 'neon'] as const)('the queries on files, with the driver %s', (driver) => {
  let test: TestDatabase;
  let proxy: { stop(): Promise<void> };
  let database: Database;
  let files: FileQueries;

  beforeAll(async () => {
    proxy = await startNeonProxy();
    test = await createTestDatabase();
    database = await connectDatabase({ url: test.url, driver });
    files = createFileQueries(database, NO_QUOTA);
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
    await proxy.stop();
  });

  describe('insert', () => {
    it('returns the row as given', async () => {
      const file = newFile({
        fileName: 'Übergabe 📄 "a" \\ \'b\'.pdf',
        sizeBytes: 5 * 1024 ** 4,
        versionId: 'v1',
        checksumSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
        recordId: 'case-42',
        documentType: 'contract',
        metadata: { source: 'scanner-3', title: 'Łódź {"x":1}' },
      });
      const row = await files.insert(file, ACT);
      expect(row).toEqual(asRow(file));
      expect(await files.find(file)).toEqual(row);
    });

    it('returns null for an existing id, and leaves its row unchanged', async () => {
      const first = newFile();
      const second = newFile({ id: first.id, objectKey: `${first.objectKey}-other` });
      await files.insert(first, ACT);
      expect(await files.insert(second, ACT)).toBeNull();
      expect(await files.find(first)).toEqual(asRow(first));
    });

    it('accepts the same id from another owner', async () => {
      const [alices, bobs] = [newFile(), newFile({ ownerId: 'bob' })];
      const taken = { ...bobs, id: alices.id };
      expect(await files.refuse(taken, null, null)).toMatchObject({ status: 'refused', ownerId: 'bob' });
      expect(await files.insert(alices, ACT)).toEqual(asRow(alices));
      await files.markRemoved(taken);
      await files.change(alices, ['active'], { fileName: 'mine.pdf' }, ACT);
      expect(await files.find(alices)).toEqual({ ...asRow(alices), fileName: 'mine.pdf' });
      expect(await files.findAny(taken)).toMatchObject({ status: 'refused', fileName: 'lease.pdf' });
      expect(await files.find(taken)).toBeNull();
    });

    it('returns null for an existing object key', async () => {
      const first = newFile();
      await files.insert(first, ACT);
      expect(await files.insert(newFile({ objectKey: first.objectKey }), ACT)).toBeNull();
    });

    it('returns the row to exactly one of ten simultaneous calls', async () => {
      const file = newFile();
      const rows = await Promise.all(Array.from({ length: 10 }, () => files.insert(file, ACT)));
      expect(rows.filter((row) => row !== null)).toEqual([asRow(file)]);
    });

    it('rethrows a caller’s mistake unchanged', async () => {
      await expect(files.insert(newFile({ sizeBytes: -1 }), ACT)).rejects.toMatchObject({
        cause: { code: '23514', constraint: 'files_size_bytes_check' },
      });
    });
  });

  describe('find', () => {
    it('finds a file for its owner only', async () => {
      const file = newFile();
      const row = await files.insert(file, ACT);
      expect(await files.find({ id: file.id, ownerId: 'alice' })).toEqual(row);
      expect(await files.find({ id: file.id, ownerId: 'bob' })).toBeNull();
    });

    it('finds an archived file, and not a deleted one', async () => {
      const file = newFile();
      await files.insert(file, ACT);
      await test.query(`update files set status = 'archived' where id = $1`, [file.id]);
      expect(await files.find(file)).toMatchObject({ id: file.id, status: 'archived' });
      await test.query(`update files set status = 'deleted', deleted_at = now() where id = $1`, [file.id]);
      expect(await files.find(file)).toBeNull();
    });

    it('returns null for an unknown id', async () => {
      expect(await files.find({ id: uuidv7(), ownerId: 'alice' })).toBeNull();
    });

    it("dates refusals and deletions by the database's clock, not the host's", async () => {
      const createdAt = new Date(Date.now() + 30 * 86_400_000);
      const [refused, kept] = [
        { ...newFile(), createdAt },
        { ...newFile(), createdAt },
      ];
      await files.refuse(refused, null, null);
      await files.insert(kept, ACT);
      await files.change(kept, ['active'], { status: 'deleted' }, ACT);
      await files.markRemoved(kept);
      for (const file of [refused, kept]) {
        const { deletedAt, objectRemovedAt } = (await files.findAny(file)) ?? {};
        for (const at of [deletedAt, objectRemovedAt ?? deletedAt]) {
          expect(Math.abs(Date.now() - Number(at))).toBeLessThan(3_600_000);
        }
      }
    });

    it('finds a file in any state, for its owner only', async () => {
      const file = newFile();
      const refusal = { code: 'verification-failed', detail: 'ü', errors: [{ path: 'size', message: '"' }] } as const;
      expect(await files.refuse(file, refusal, null)).toMatchObject({ status: 'refused', deletedAt: expect.any(Date) });
      expect(await files.find(file)).toBeNull();
      expect(await files.findAny(file)).toMatchObject({ id: file.id, status: 'refused', refusal });
      expect(await files.findAny({ ...file, ownerId: 'bob' })).toBeNull();
    });
  });

  describe('findToDownload', () => {
    it('finds many files of the owner at once, and no deleted or foreign one', async () => {
      const [mine, other, gone] = [newFile(), newFile({ ownerId: 'bob' }), newFile()];
      for (const file of [mine, other]) await files.insert(file, ACT);
      await files.refuse(gone, null, null);
      const ids = [mine.id, other.id, gone.id, uuidv7()];
      const act = { ...ACT, action: 'download.presign' } as const;
      expect(await files.findToDownload({ ids, ownerId: 'alice', objectKey: null }, act)).toEqual([asRow(mine)]);
      expect(await files.findToDownload({ ids: [], ownerId: 'alice', objectKey: null }, act)).toEqual([]);
    });

    it('logs the files if all are found, active and have the key', async () => {
      const [mine, archived] = [newFile({ ownerId: 'carol' }), newFile({ ownerId: 'carol' })];
      for (const file of [mine, archived]) await files.insert(file, ACT);
      await test.query(`update files set status = 'archived' where id = $1`, [archived.id]);
      const act = { ...ACT, action: 'download.presign', requestId: `download-${driver}` } as const;
      const ids = [mine.id, archived.id];
      expect(await files.findToDownload({ ids, ownerId: 'carol', objectKey: null }, act)).toHaveLength(2);
      expect(await files.findToDownload({ ids, ownerId: 'carol', objectKey: 'another' }, act)).toEqual([]);
      const some = [mine.id, uuidv7()];
      expect(await files.findToDownload({ ids: some, ownerId: 'carol', objectKey: null }, act)).toHaveLength(1);
      expect(await test.query('select * from audit_events where request_id = $1', [act.requestId])).toEqual([]);
      const one = { ids: [mine.id], ownerId: 'carol', objectKey: mine.objectKey };
      expect(await files.findToDownload(one, act)).toHaveLength(1);
      expect(await test.query('select * from audit_events where request_id = $1', [act.requestId])).toMatchObject([
        {
          action: 'download.presign',
          actor_id: 'alice',
          user_id: 'carol',
          outcome: 'ok',
          address: '192.0.2.1',
          file_id: mine.id,
          object_key: mine.objectKey,
        },
      ]);
    });
  });

  describe('change', () => {
    it('changes a file in one of the given states, and logs it', async () => {
      const file = newFile();
      await files.insert(file, ACT);
      const act = { ...ACT, action: 'file.archive', requestId: `change-${driver}` } as const;
      const changed = { ...asRow(file), status: 'archived', fileName: 'b.pdf', metadata: { a: 'ü' } };
      const change = { status: 'archived', fileName: 'b.pdf', metadata: { a: 'ü' }, recordId: undefined } as const;
      expect(await files.change(file, ['active'], change, act)).toEqual(changed);
      expect(await files.find(file)).toEqual(changed);
      expect(await files.change(file, ['active'], { fileName: 'c.pdf' }, act)).toBeNull();
      expect(await files.change({ ...file, ownerId: 'bob' }, ['archived'], { fileName: 'd.pdf' }, act)).toBeNull();
      expect(await files.find(file)).toEqual(changed);
      expect(await test.query('select * from audit_events where request_id = $1', [act.requestId])).toHaveLength(1);
    });
  });

  describe('usage', () => {
    it('counts active and archived files, and keeps the quota under simultaneous inserts', async () => {
      const ownerId = `quota-${driver}`;
      const limited = createFileQueries(database, { bytes: 1000, files: 30 });
      const tenBytes = () => newFile({ ownerId, sizeBytes: 10 });
      const first = tenBytes();
      await limited.insert(first, ACT);
      await files.refuse(tenBytes(), null, null);
      const more = await Promise.allSettled(Array.from({ length: 50 }, () => limited.insert(tenBytes(), ACT)));
      const refused = more.filter((result) => result.status === 'rejected');
      expect(refused).toHaveLength(21);
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'quota-exceeded' });
      expect(await files.usage(ownerId)).toMatchObject({ sizeBytes: 300, files: 30 });
      expect(await test.query('select 1 from audit_events where user_id = $1', [ownerId])).toHaveLength(30);

      const act = { ...ACT, action: 'file.delete' } as const;
      await limited.change(first, ['active'], { status: 'archived' }, act);
      expect(await files.usage(ownerId)).toMatchObject({ files: 30 });
      await limited.change(first, ['archived'], { status: 'deleted' }, act);
      expect(await files.usage(ownerId)).toMatchObject({ sizeBytes: 290, files: 29 });
      await expect(limited.insert(newFile({ ownerId, sizeBytes: 711 }), ACT)).rejects.toMatchObject({
        code: 'quota-exceeded',
      });
      await limited.insert(newFile({ ownerId, sizeBytes: 710 }), ACT);
      expect(await files.usage(ownerId)).toMatchObject({ sizeBytes: 1000, files: 30 });
    });

    it('counts the states that the table of states names, after any change of state', async () => {
      const ownerId = `states-${driver}`;
      const file = newFile({ ownerId });
      await files.insert(file, ACT);
      const order = FILE_STATE_NAMES.flatMap((state) => FILE_STATE_NAMES.flatMap((next) => [state, next]));
      for (const state of order) {
        const { countsForQuota, object } = FILE_STATES[state];
        await test.query(`update files set status = $1, deleted_at = $2 where id = $3`, [
          state,
          object === 'stays' ? null : new Date(),
          file.id,
        ]);
        const expected = countsForQuota ? { sizeBytes: file.sizeBytes, files: 1 } : { sizeBytes: 0, files: 0 };
        expect(await files.usage(ownerId)).toMatchObject(expected);
      }
    });

    it('is nothing for a user without files', async () => {
      expect(await files.usage('nobody')).toEqual({ sizeBytes: 0, files: 0 });
    });
  });
});

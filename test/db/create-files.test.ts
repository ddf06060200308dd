import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFiles, type Files } from '../../src/db/create-files.ts';
import type { FileRow } from '../../src/db/schema.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';

function newFile(values: Partial<FileRow> = {}): FileRow {
  const id = values.id ?? uuidv7();
  return {
    id,
    ownerId: 'alice',
    objectKey: `alice/_/_/${id}/lease.pdf`,
    storedKey: null,
    fileName: 'lease.pdf',
    contentType: 'application/pdf',
    sizeBytes: 48_213,
    etag: '"9b2c"',
    versionId: null,
    checksumSha256: null,
    recordId: null,
    documentType: null,
    metadata: {},
    status: 'active',
    createdAt: new Date('2026-11-20T17:00:00.123Z'),
    ...values,
  };
}

describe.each(['pg', 'neon'] as const)('the queries on files, with the driver %s', (driver) => {
  let test: TestDatabase;
  let proxy: { stop(): Promise<void> };
  let database: Database;
  let files: Files;

  beforeAll(async () => {
    proxy = await startNeonProxy();
    test = await createTestDatabase();
    database = connectDatabase({ url: test.url, driver });
    files = createFiles(database);
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
    await proxy.stop();
  });

  describe('insert', () => {
    it('gives back the row as it was given', async () => {
      const file = newFile({
        fileName: 'Übergabe 📄 "a" \\ \'b\'.pdf',
        sizeBytes: 5 * 1024 ** 4,
        versionId: 'v1',
        checksumSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
        recordId: 'case-42',
        documentType: 'contract',
        metadata: { source: 'scanner-3', title: 'Łódź {"x":1}' },
      });
      const row = await files.insert(file);
      expect(row).toEqual(file);
      expect(await files.find(file)).toEqual(row);
    });

    it('answers null for an id that is there, and leaves that row', async () => {
      const first = newFile();
      const second = newFile({ id: first.id, objectKey: `${first.objectKey}-other`, ownerId: 'bob' });
      await files.insert(first);
      expect(await files.insert(second)).toBeNull();
      expect(await files.find(first)).toEqual(first);
      expect(await files.find(second)).toBeNull();
    });

    it('answers null for an object key that is there', async () => {
      const first = newFile();
      await files.insert(first);
      expect(await files.insert(newFile({ objectKey: first.objectKey }))).toBeNull();
    });

    it('gives the row to exactly one of ten simultaneous calls', async () => {
      const file = newFile();
      const rows = await Promise.all(Array.from({ length: 10 }, () => files.insert(file)));
      expect(rows.filter((row) => row !== null)).toEqual([file]);
    });

    it('rethrows what the caller did wrong as it is', async () => {
      await expect(files.insert(newFile({ sizeBytes: -1 }))).rejects.toMatchObject({
        cause: { code: '23514', constraint: 'files_size_bytes_check' },
      });
    });
  });

  describe('find', () => {
    it('finds a file of the owner, and nobody else', async () => {
      const file = newFile();
      const row = await files.insert(file);
      expect(await files.find({ id: file.id, ownerId: 'alice' })).toEqual(row);
      expect(await files.find({ id: file.id, ownerId: 'bob' })).toBeNull();
    });

    it('finds an archived file, but no deleted one', async () => {
      const file = newFile();
      await files.insert(file);
      await test.query(`update files set status = 'archived' where id = $1`, [file.id]);
      expect(await files.find(file)).toMatchObject({ id: file.id, status: 'archived' });
      await test.query(`update files set status = 'deleted' where id = $1`, [file.id]);
      expect(await files.find(file)).toBeNull();
    });

    it('answers null for what was never there', async () => {
      expect(await files.find({ id: uuidv7(), ownerId: 'alice' })).toBeNull();
    });

    it('finds many of the owner at once, and no deleted or foreign one', async () => {
      const [mine, other, gone] = [newFile(), newFile({ ownerId: 'bob' }), newFile({ status: 'deleted' })];
      for (const file of [mine, other, gone]) await files.insert(file);
      const ids = [mine.id, other.id, gone.id, uuidv7()];
      expect(await files.findMany({ ids, ownerId: 'alice' })).toEqual([mine]);
      expect(await files.findMany({ ids: [], ownerId: 'alice' })).toEqual([]);
    });
  });

  describe('list', () => {
    it('walks over all active files of the owner, newest first, without gaps or repeats where times are equal', async () => {
      const ownerId = `owner-${driver}`;
      const own = Array.from({ length: 23 }, (_, i) =>
        newFile({ ownerId, createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, 0, Math.floor(i / 5))) }),
      );
      const hidden = newFile({ ownerId });
      for (const file of [...own, hidden, newFile({ ownerId: `${ownerId}-2` })]) await files.insert(file);
      await test.query(`update files set status = 'archived' where id = $1`, [hidden.id]);

      const ids: string[] = [];
      let page = await files.list({ ownerId, limit: 4 });
      while (page.length > 0) {
        expect(page.length).toBeLessThanOrEqual(4);
        ids.push(...page.map((file) => file.id));
        page = await files.list({ ownerId, limit: 4, after: page.at(-1) });
      }
      const newestFirst = own.toSorted((a, b) => +b.createdAt - +a.createdAt || (a.id < b.id ? 1 : -1));
      expect(ids).toEqual(newestFirst.map((file) => file.id));
    });

    it('is empty for an owner without files', async () => {
      expect(await files.list({ ownerId: 'nobody', limit: 50 })).toEqual([]);
    });

    it('reads pages out of the index, in its order and without a sort', async () => {
      await test.query(`
        insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
        select gen_random_uuid(), 'many-' || n % 20, 'key-' || n, 'a', 'text/plain', 1, '"e"', now() - n * interval '1 s'
        from generate_series(1, 20000) as n`);
      await test.query('analyze files');
      const session = connectDatabase({ url: test.url, driver, maxConnections: 1 });
      try {
        // The statements themselves: prepared by running them on the pool's only connection, then explained on it.
        const { list } = createFiles(session);
        const [last] = await list({ ownerId: 'many-3', limit: 1 });
        await list({ ownerId: 'many-3', limit: 50, after: last });
        await session.db.execute(sql`set plan_cache_mode = force_generic_plan`);
        const statements = await lines(
          session,
          sql`
          select name || '(' || array_to_string(array_fill('null'::text, array[cardinality(parameter_types)]), ',') || ')'
          from pg_prepared_statements where name like 'files_list%' order by name`,
        );
        expect(statements).toHaveLength(2);
        for (const statement of statements) {
          const plan = (await lines(session, sql.raw(`explain execute ${statement}`))).join('\n');
          expect(plan).toContain('Index Scan Backward using files_owner_status_created_idx');
          expect(plan).not.toContain('Sort');
          expect(plan).not.toContain('Filter');
        }
      } finally {
        await session.close();
      }
    });
  });
});

/** The first column of what a statement answers. */
async function lines({ db }: Database, statement: ReturnType<typeof sql>): Promise<string[]> {
  const { rows } = (await db.execute(statement)) as unknown as { rows: Record<string, string>[] };
  return rows.map((row) => Object.values(row)[0] ?? '');
}

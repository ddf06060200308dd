import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { FILE_SORTS, type FilePage, type FoundFile, findFiles } from '../../src/db/find-files.ts';
import { ownFiles } from '../../src/db/schema.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { expected, type Given, given } from './file-model.ts';

const SORTS = Object.keys(FILE_SORTS) as (keyof typeof FILE_SORTS)[];

let test: TestDatabase;
let database: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  database = await connectDatabase({ url: test.url, driver: 'pg' });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

async function store(files: Given[]): Promise<void> {
  await test.query(
    `insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, document_type,
       status, created_at, deleted_at)
     select id, owner, 'key-' || id, name, type, size, '"e"', record, "documentType", status,
       to_timestamp(at / 1000.0), case when status in ('deleted', 'refused') then now() end
     from json_to_recordset($1) as given (id uuid, owner text, name text, type text, size bigint, record text,
       "documentType" text, status text, at bigint)`,
    [JSON.stringify(files)],
  );
}

/** All pages of a list in order; `between` runs after each page. */
async function walk(page: FilePage, between: () => Promise<void> = async () => {}): Promise<string[]> {
  const ids: string[] = [];
  let found = await findFiles(database, page);
  while (found.length > 0) {
    ids.push(...found.map(({ row }) => row.id));
    const last = found.at(-1);
    if (found.length < page.limit || last === undefined) break;
    await between();
    found = await findFiles(database, { ...page, after: { key: last.key, id: last.row.id } });
  }
  return ids;
}

describe('findFiles', () => {
  describe('against a model', () => {
    const names = ['Lease 2026.pdf', 'lease.PDF', '100%.txt', 'a_b', 'a\\b', "it's", 'Übergabe', '契約書', '📄 x', 'b'];
    const types = ['image/png', 'image/jpeg', 'text/plain', 'text/plain; charset=utf-8', 'text/plain-x', 'imagex/a'];
    const name = fc.oneof(fc.constantFrom(...names), fc.string({ unit: fc.constantFrom(...'aAbB%_'), minLength: 1 }));
    const label = fc.constantFrom('a', 'b', 'case-1');
    const files = fc.array(
      fc.record({
        owner: fc.constantFrom('alice', 'alice', 'alice', 'bob'),
        name,
        type: fc.constantFrom(...types),
        size: fc.constantFrom(0, 1, 2, 5 * 1024 ** 4),
        record: fc.option(label),
        documentType: fc.option(label),
        status: fc.constantFrom('active', 'active', 'archived', 'deleted', 'refused'),
        at: fc.integer({ min: 0, max: 9 }),
      }),
      { minLength: 20, maxLength: 60 },
    );
    const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
    const page = fc.record({
      limit: fc.integer({ min: 1, max: 12 }),
      sort: fc.constantFrom(...SORTS),
      status: fc.constantFrom('active' as const, 'archived' as const),
      recordId: some(label),
      documentType: some(label),
      contentType: some(fc.constantFrom(...types, 'image/*', 'video/*')),
      createdFrom: some(fc.integer({ min: 0, max: 9 }).map((ms) => new Date(ms))),
      createdTo: some(fc.integer({ min: 0, max: 9 }).map((ms) => new Date(ms))),
      q: some(
        fc.oneof(
          fc.constantFrom('LEASE', '%', '_', '\\', "'", 'ü', 'Ü', '契', '約書', '📄', 'bergab', '2026.p', 'nothing'),
          name,
        ),
      ),
    });

    it('finds exactly the matching files in order, with any filters, order and page size', async () => {
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(files, fc.array(page, { minLength: 12, maxLength: 12 }), async (values, pages) => {
          const owner = (of: string) => `${of}-${runs}`;
          runs++;
          const all = values.map((value) => given({ ...value, owner: owner(value.owner) }));
          await store(all);
          for (const each of pages) {
            const query = { ...each, ownerId: owner('alice') };
            expect(await walk(query)).toEqual(expected(all, query));
          }
        }),
        { numRuns: 15 },
      );
    });
  });

  it.each(SORTS)('finds each remaining file exactly once by %s, with changes between the pages', async (sort) => {
    const ownerId = `busy${sort}`;
    const some = (n: number) =>
      given({ owner: ownerId, name: `${n % 5}.txt`, size: n % 4, at: Date.UTC(2026, 0, 1, 0, 0, n % 3) });
    const staying = Array.from({ length: 30 }, (_, n) => some(n));
    const going = Array.from({ length: 30 }, (_, n) => some(n));
    await store([...staying, ...going]);
    const ids = await walk({ ownerId, sort, limit: 4 }, async () => {
      await store([some(going.length), some(going.length + 1)]);
      await test.query(`delete from files where id = $1`, [going.pop()?.id]);
    });
    expect(new Set(ids).size).toBe(ids.length);
    const stayed = new Set(staying.map((file) => file.id));
    expect(ids.filter((id) => stayed.has(id))).toEqual(expected(staying, { ownerId, sort }));
  });

  it('finds rare, common and less common files among thousands', async () => {
    const ownerId = 'thousands';
    const word = (n: number) => (n % 2 ? ' common' : '') + (n % 97 ? '' : ' between') + (n % 1999 ? '' : ' rare');
    const all = Array.from({ length: 2000 }, (_, n) =>
      given({ owner: ownerId, name: `${n}${word(n)}`, size: n, at: n, type: n % 1999 ? 'text/plain' : 'image/tiff' }),
    );
    await store([...all, ...all.slice(0, 1000).map((file) => ({ ...file, id: uuidv7(), owner: 'another' }))]);
    const queries = [
      { q: 'common' },
      { q: 'between' },
      { q: 'rare' },
      { contentType: 'image/*' },
      { q: '5', recordId: 'x' },
    ];
    for (const query of queries) {
      for (const sort of SORTS) {
        const page = { ownerId, sort, ...query };
        expect(await walk({ ...page, limit: 40 })).toEqual(expected(all, page));
      }
    }
  });

  it('takes q literally: no pattern, no operator, no SQL', async () => {
    const ownerId = 'literal';
    const names = [
      '100%',
      '1000',
      'a_b',
      'axb',
      'a\\b',
      "o'hara",
      '"x" & y | !z',
      'x:*',
      "'; drop table files; --",
      '$$',
    ];
    await store(names.map((name) => given({ owner: ownerId, name })));
    for (const name of names) {
      const found = await findFiles(database, { ownerId, limit: 50, q: name });
      expect(found.map(({ row }) => row.fileName)).toEqual([name]);
    }
    for (const q of ['%', '_', '\\', "'", '!', '&', '|', ':*', '<->', '$1', '()', ' ']) {
      const found = await findFiles(database, { ownerId, limit: 50, q });
      expect(found.map(({ row }) => row.fileName).toSorted()).toEqual(
        names.filter((name) => name.includes(q)).toSorted(),
      );
    }
  });

  it('finds names in any case and any Unicode normal form', async () => {
    const ownerId = 'unicode';
    const names = ['ÜBERGABE', 'u\u0308bung', 'Straße', 'STRASSE', 'İstanbul', '👩‍👧 family', '契約書'];
    await store(names.map((name) => given({ owner: ownerId, name })));
    const find = async (q: string) =>
      (await findFiles(database, { ownerId, limit: 50, sort: 'fileName', q })).map(({ row }) => row.fileName);
    expect(await find('übe')).toEqual(['ÜBERGABE']);
    expect((await find('\u00fc')).toSorted()).toEqual(['u\u0308bung', 'ÜBERGABE'].toSorted());
    expect(await find('U\u0308bu')).toEqual(['u\u0308bung']);
    expect(await find('ß')).toEqual(['Straße']);
    expect(await find('strasse')).toEqual(['STRASSE']);
    expect(await find('İstanbul')).toEqual(['İstanbul']);
    expect(await find('👩‍👧')).toEqual(['👩‍👧 family']);
    expect(await find('約')).toEqual(['契約書']);
  });

  it('accepts the longest names and searches', async () => {
    const ownerId = 'o'.repeat(255);
    // U+1D160 becomes three of four bytes each, the first of these lower letters is longer than its capital.
    const names = ['\u{1d160}'.repeat(63), 'Ⱥ'.repeat(127), '\u0344'.repeat(127)];
    const longest = { record: 'r'.repeat(64), documentType: 'd'.repeat(64), type: `image/${'x'.repeat(122)}` };
    await store(names.map((name) => given({ owner: ownerId, name, ...longest })));
    for (const name of names) {
      const found = await findFiles(database, { ownerId, limit: 50, q: name.slice(0, 50) });
      expect(found.map(({ row }) => row.fileName)).toEqual([name]);
    }
    expect(await walk({ ownerId, limit: 1, sort: 'fileName' })).toHaveLength(3);
  });

  it('returns the whole row', async () => {
    const file = given({ owner: 'whole', name: 'A.pdf', size: 5 * 1024 ** 4, record: 'r', documentType: 'd' });
    await store([file]);
    expect(await findFiles(database, { ownerId: 'whole', limit: 50, sort: 'fileName' })).toEqual([
      {
        key: 'a.pdf',
        row: {
          id: file.id,
          ownerId: 'whole',
          objectKey: `key-${file.id}`,
          storedKey: null,
          fileName: 'A.pdf',
          contentType: 'text/plain',
          sizeBytes: 5 * 1024 ** 4,
          etag: '"e"',
          versionId: null,
          checksumSha256: null,
          recordId: 'r',
          documentType: 'd',
          metadata: {},
          status: 'active',
          createdAt: new Date(file.at),
          detectedContentType: null,
          encryption: null,
          sseKeyId: null,
          verdict: null,
          deletedAt: null,
          objectRemovedAt: null,
          refusal: null,
        },
      },
    ]);
  });

  it('finds the same through Neon’s driver', async () => {
    const proxy = await startNeonProxy();
    const neon = await connectDatabase({ url: test.url, driver: 'neon' });
    const all = Array.from({ length: 9 }, (_, n) => given({ owner: 'neon', name: `file ${n % 2}`, at: n, size: n }));
    await store(all);
    for (const sort of SORTS) {
      const page = { ownerId: 'neon', sort, q: 'LE 1' };
      const first = await findFiles(neon, { ...page, limit: 2 });
      const last = first[1] as FoundFile;
      const rest = await findFiles(neon, { ...page, limit: 9, after: { key: last.key, id: last.row.id } });
      expect([...first, ...rest].map(({ row }) => row.id)).toEqual(expected(all, page));
    }
    await neon.close();
    await proxy.stop();
  });
});

describe('own_files', () => {
  it('has only its user’s rows for every role, and none without a user', async () => {
    await store([given({ owner: 'mine' }), given({ owner: 'theirs' })]);
    const owners = async (...settings: [name: string, value: string][]) => {
      const rows = await database.withConnection((db) =>
        db.transaction(async (tx) => {
          for (const [name, value] of settings) await tx.execute(sql`select set_config(${name}, ${value}, true)`);
          return tx.select({ ownerId: ownFiles.ownerId }).from(ownFiles);
        }),
      );
      return [...new Set(rows.map((row) => row.ownerId))];
    };
    for (const role of ['signpost_app', 'none']) {
      expect(await owners(['role', role], ['signpost.user_id', 'mine'])).toEqual(['mine']);
      expect(await owners(['role', role], ['signpost.user_id', ''])).toEqual([]);
      expect(await owners(['role', role])).toEqual([]);
    }
  });

  it('is read-only', async () => {
    for (const statement of ['delete from own_files', `update own_files set status = 'archived'`]) {
      await expect(test.query(`set role signpost_app; ${statement}`)).rejects.toMatchObject({ code: '42501' });
    }
  });
});

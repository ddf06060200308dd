import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statesWith } from '../../src/contract/file-states.ts';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { type FilePage, findFiles } from '../../src/db/find-files.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

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

describe('the index of names', () => {
  it('covers exactly the listed states', async () => {
    const [row] = await test.query(
      `select pg_get_expr(indpred, indrelid) as predicate from pg_index
        where indexrelid = 'files_listed_grams_idx'::regclass`,
    );
    const states = String(row?.predicate).match(/(?<=')\w+(?=')/g);
    expect(states).toEqual(statesWith('isListed', true));
  });
});

describe('the indexes, as the role of users', () => {
  const ownerId = 'planned';
  beforeAll(async () => {
    await test.query(`
      insert into files
        (id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, created_at, status)
      select gen_random_uuid(), case when n % 3 = 0 then 'other' else '${ownerId}' end, 'plan-' || n,
        md5(n::text) || case when n % 5000 = 1 then ' zeppelin' else '' end,
        case when n < 19800 then 'text/plain' else 'image/heic' end, n, '"e"', 'case-' || n % 5000,
        now() - n * interval '1 s', case when n % 2 = 0 then 'archived' else 'active' end
      from generate_series(1, 20000) as n`);
    await test.query('vacuum analyze files');
  });

  /** The plans of a page's statements. */
  async function plansOf(page: Omit<FilePage, 'ownerId' | 'limit'>): Promise<string[]> {
    const client = new pg.Client({ connectionString: test.url });
    await client.connect();
    await client.query(`set role signpost_app; set signpost.user_id = '${ownerId}'`);
    const plans: string[] = [];
    const asUser: Database['asUser'] = async (_userId, statement) => {
      const prepared = statement(database.db) as unknown as { getQuery(): { sql: string; params: unknown[] } };
      const { sql, params } = prepared.getQuery();
      const { rows } = await client.query(`explain ${sql}`, params);
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return [] as never;
    };
    await findFiles({ asUser }, { ...page, ownerId, limit: 51 });
    await client.end();
    return plans;
  }

  it.each([
    ['newest first', {}, 'files_by_time_idx'],
    ['oldest first', { sort: 'createdAt', status: 'archived' }, 'files_by_time_idx'],
    ['by name', { sort: 'fileName' }, 'files_by_name_idx'],
    ['by size, after a position', { sort: '-size', after: { key: 10_000, id: uuidv7() } }, 'files_by_size_idx'],
    ['of a record', { recordId: 'case-7' }, 'files_record_idx'],
    ['of a content type', { contentType: 'image/heic' }, 'files_main_type_idx'],
  ] as const)('give a page %s without a sort', async (_name, page, index) => {
    const plans = await plansOf(page);
    expect(plans).toHaveLength(1);
    expect(plans[0]).toContain(index);
    expect(plans[0]).not.toContain('Sort');
  });

  it.each(['audio/*', 'text/plain; charset=utf-8'])('give a page of %s the next files, then its own', async (type) => {
    const plans = await plansOf({ contentType: type });
    expect(plans).toHaveLength(2);
    expect(plans[0]).toContain('files_by_time_idx');
    expect(plans[1]).toContain('files_content_type_idx');
  });

  it('give a search the next files in order, then those in the index of names', async () => {
    const plans = await plansOf({ q: 'zeppelin' });
    expect(plans).toHaveLength(2);
    expect(plans[0]).toContain('files_by_time_idx');
    expect(plans[1]).toContain('files_listed_grams_idx');
  });
});

import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { Statement } from '../src/db/connect-database.ts';
import { type FilePage, type FilePosition, findFiles } from '../src/db/find-files.ts';
import { USER_ROLE, USER_SETTING } from '../src/db/schema.ts';
import { fillFiles, OWNER } from './fill-files.ts';
import { median } from './median.ts';
import { withDatabase } from './with-database.ts';

const ROUNDS = 5;
const LIMIT = 51;

type Page = Omit<FilePage, 'ownerId' | 'limit'>;
type Times = { planMs: number; runMs: number };

/**
 * Measures all kinds of pages over 1,000,000 files of one user and 100,000 of others, with the service's own
 * statements, as the users' role, each under `EXPLAIN (ANALYZE)`. Returns the milliseconds of planning and of
 * executing, summed over a page's statements; medians of several runs. The server is that of `withServer`.
 */
export function measureFind(directory: string) {
  return withDatabase(directory, async (client) => {
    await fillFiles(client, { from: 1, to: 1_100_000 });
    await client.query(`select set_config('role', $1, false), set_config($2, $3, false)`, [
      USER_ROLE,
      USER_SETTING,
      OWNER,
    ]);
    const figures: ({ name: string; found: number; statements: number } & Times)[] = [];
    for (const [name, page] of Object.entries(await pagesOf(client)))
      figures.push({ name, ...(await measure(client, page)) });
    return figures;
  });
}

/** Runs the service's own code; each of its statements is explained several times before it is answered. */
async function measure(client: pg.Client, page: Page) {
  const explained: Times[] = [];
  const explaining = {
    query: async (query: { text: string; rowMode?: string }, values: unknown[]) => {
      const times: Times[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const { rows } = await client.query(
          `explain (analyze, buffers off, timing off, format json) ${query.text}`,
          values,
        );
        const [plan] = rows[0]['QUERY PLAN'];
        times.push({ planMs: plan['Planning Time'], runMs: plan['Execution Time'] });
      }
      explained.push({ planMs: median(times.map((t) => t.planMs)), runMs: median(times.map((t) => t.runMs)) });
      return client.query(query as pg.QueryConfig, values);
    },
  };
  const db = drizzle({ client: explaining as unknown as pg.Client });
  const asUser = <Rows>(_userId: string, statement: Statement<Rows>) => statement(db).execute();
  const found = await findFiles({ asUser }, { ...page, ownerId: OWNER, limit: LIMIT });
  const sum = (of: (times: Times) => number) => explained.reduce((s, t) => s + of(t), 0);
  return {
    found: found.length,
    statements: explained.length,
    planMs: sum((t) => t.planMs),
    runMs: sum((t) => t.runMs),
  };
}

/** Every measured kind of page, by name. */
async function pagesOf(client: pg.Client): Promise<Record<string, Page>> {
  const at = async (key: string, fraction: number): Promise<FilePosition> => {
    const { rows } = await client.query(
      `select ${key} as key, id from own_files where status = 'active' order by 1, 2
       offset (select (count(*) * ${fraction})::int from own_files where status = 'active') limit 1`,
    );
    return { ...rows[0], key: key === 'size_bytes' ? Number(rows[0].key) : rows[0].key };
  };
  const middle = await at('created_at', 0.5);
  const late = await at('created_at', 0.01);
  return {
    'newest first': {},
    'newest first, in the middle': { after: middle },
    'newest first, last page': { after: await at('created_at', 0.00003) },
    'oldest first': { sort: 'createdAt' },
    'by name': { sort: 'fileName' },
    'by name, in the middle': { sort: 'fileName', after: await at('search_name', 0.5) },
    'by name, last page': { sort: 'fileName', after: await at('search_name', 0.99997) },
    'by size, largest first': { sort: '-size' },
    'by size, in the middle': { sort: '-size', after: await at('size_bytes', 0.5) },
    archived: { status: 'archived' },
    'one month': { createdFrom: new Date('2023-05-01'), createdTo: new Date('2023-06-01') },
    'one month, by name': { createdFrom: new Date('2023-05-01'), createdTo: new Date('2023-06-01'), sort: 'fileName' },
    'record of 5': { recordId: 'case-five' },
    'record of 10 %': { recordId: 'case-big' },
    'record of 10 %, by size': { recordId: 'case-big', sort: 'size' },
    'document type of 100': { documentType: 'passport' },
    'document type of 100, by name': { documentType: 'passport', sort: 'fileName' },
    'document type of 5 %, all of them old': { documentType: 'scan-2022' },
    'document type of 5 %, by name': { documentType: 'scan-2022', sort: 'fileName' },
    'document type of 50 %, in the middle': { documentType: 'contract', after: middle },
    'content type of 40 %': { contentType: 'application/pdf' },
    'content type of 100': { contentType: 'image/tiff' },
    'content type of 100, by size': { contentType: 'image/tiff', sort: '-size' },
    'content type of 5 %, all of them old': { contentType: 'image/heic' },
    '`image/*` of 35 %': { contentType: 'image/*' },
    '`audio/*` of 0.1 %': { contentType: 'audio/*' },
    'name, 20 %': { q: 'CONTRACT' },
    'name, 20 %, last page': { q: 'contract', after: await at('created_at', 0.0001) },
    'name, 5 %, all of them old': { q: 'fossil' },
    'name, 2 %': { q: 'volcano' },
    'name, 1 %': { q: 'umbrella' },
    'name, 0.5 %': { q: 'orchid' },
    'name, 0.5 %, in the middle': { q: 'orchid', after: middle },
    'name, 0.25 %': { q: 'flamingo' },
    'name, 0.1 %': { q: 'kangaroo' },
    'name, 0.1 %, last page': { q: 'kangaroo', after: late },
    'name, 100 files': { q: 'zeppelin' },
    'name, 100 files, by name': { q: 'zeppelin', sort: 'fileName' },
    'name, 0.5 %, by size': { q: 'orchid', sort: '-size' },
    'name, 1 file': { q: 'xylophone' },
    'name, none': { q: 'quagmire' },
    'name, none, each piece of it common': { q: 'contract invoice contract' },
    'name, a number of five digits': { q: '31415' },
    'name, two characters, common': { q: 'in' },
    'name, two characters, none': { q: 'qq' },
    'name, one character, none': { q: '契' },
    'name, 20 %, and a record of 5': { q: 'contract', recordId: 'case-five' },
    'name, 0.1 %, and a document type of 50 %': { q: 'kangaroo', documentType: 'contract' },
    'name, 20 %, and a content type of 100': { q: 'contract', contentType: 'image/tiff' },
  };
}

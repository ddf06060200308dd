import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import type { Statement } from '../src/db/connect-database.ts';
import { type FilePage, type FilePosition, findFiles } from '../src/db/find-files.ts';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { USER_ROLE, USER_SETTING } from '../src/db/schema.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { median } from './median.ts';

const ROUNDS = 5;
const OWNER = 'alice';
const LIMIT = 51;
const INSERTS = 5_000;

type Page = Omit<FilePage, 'ownerId' | 'limit'>;
type Times = { planMs: number; runMs: number };

/**
 * Measures all kinds of pages over 1,000,000 files of one user and 100,000 of others, with the service's own
 * statements, as the users' role, each under `EXPLAIN (ANALYZE)`. Returns the milliseconds of planning and of
 * executing, summed over a page's statements; medians of several runs. Uses a database of its own, on the server of
 * `TEST_DATABASE_URL` if set, else on the embedded one, which has 16 MB of buffers for a gigabyte.
 */
export async function measureFind(directory: string) {
  const server = process.env.TEST_DATABASE_URL;
  const postgres = server === undefined ? await startEmbeddedPostgres({ directory: join(directory, 'find') }) : null;
  const admin = await connect(postgres?.url ?? server ?? '');
  const name = `find_${process.pid}`;
  await admin.query(`create database ${name}`);
  const url = new URL(postgres?.url ?? server ?? '');
  url.pathname = name;
  try {
    await migrateDatabase({ url: url.href });
    const client = await connect(url.href);
    const insert = await fill(client);
    await client.query(`select set_config('role', $1, false), set_config($2, $3, false)`, [
      USER_ROLE,
      USER_SETTING,
      OWNER,
    ]);
    const figures: ({ name: string; found: number; statements: number } & Times)[] = [];
    for (const [name, page] of Object.entries(await pagesOf(client)))
      figures.push({ name, ...(await measure(client, page)) });
    await client.end();
    return { figures, ...insert };
  } finally {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
    await postgres?.stop();
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A failure drops the database, and this connection with it; the original error is the one to show.
  client.on('error', () => {});
  await client.connect();
  return client;
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

const WORDS = `contract invoice report receipt photo scan letter statement draft final summary minutes budget plan lease
  offer order delivery note tax payroll insurance policy claim certificate passport diploma resume application form
  agreement
  appendix protocol memo proposal estimate quotation manual guide spec drawing blueprint map survey inspection audit
  review feedback presentation slides agenda schedule calendar roadmap ticket incident analysis dataset export import
  backup archive snapshot config journal diary recipe menu flyer poster brochure catalog newsletter press release
  article essay thesis chapter manuscript script lyrics score recording interview transcript translation glossary index
  license
  patent ruling verdict affidavit deed mortgage loan pension salary bonus expense travel itinerary visa prescription lab
  therapy referral Übergabe Übersicht Rechnung Vertrag Angebot Lieferschein Mahnung Kündigung Zeugnis Quittung`;

/**
 * Ordered by time; every eleventh row belongs to another user. Names have two words, sometimes a rarer third, and a
 * number.
 */
const FILL = (table: string) => `
  with words as (select array_agg(word) as w from regexp_split_to_table($1, '\\s+') as word),
  drawn as (
    select n, timestamptz '2022-01-01' + n * interval '100 seconds' as at,
      case when n % 11 = 0 then 'user-' || n % 977 else '${OWNER}' end as owner,
      w[1 + floor(random() ^ 3 * cardinality(w))::int] || ' ' || w[1 + floor(random() ^ 2 * cardinality(w))::int]
        || case when n = 777778 then ' xylophone' when n % 11000 = 5 then ' zeppelin' when n % 1100 = 6 then ' kangaroo'
          when n % 440 = 7 then ' flamingo' when n % 220 = 8 then ' orchid' when n % 110 = 9 then ' umbrella'
          when n % 55 = 10 then ' volcano' when n < 55000 then ' fossil' else '' end
        || ' ' || floor(random() * 100000)::int as name,
      case when n % 220001 = 3 then 'case-five' when random() < 0.1 then 'case-big'
        when random() < 0.7 then 'case-' || floor(random() ^ 2 * 200000)::int end as record,
      case when n % 11000 = 4 then 'passport' when n < 55000 then 'scan-2022'
        when n % 5 > 0 then (array['contract','invoice','photo','letter'])[1 + floor(random() ^ 2 * 4)::int] end
          as type,
      case when n % 11000 = 12 then 'image/tiff' when n % 1100 = 13 then 'audio/mpeg' when n < 55000 then 'image/heic'
        else         (array['application/pdf','image/jpeg','image/png','text/plain','application/zip'])
          [1 + floor(random() ^ 2 * 5)::int]
        end as content_type,
      floor(exp(random() * 20))::bigint as size,
      case when random() < 0.03 then 'archived' when random() < 0.02 then 'deleted' else 'active' end as status
    from words, generate_series($2::int, $3::int) as n)
  insert into ${table} (id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, document_type,
    status,     created_at, deleted_at)
  select id, owner, concat_ws('/', owner, coalesce(record, '_'), coalesce(type, '_'), id, name), name,
    content_type, size,     md5(n::text), record, type, status, at, case when status = 'deleted' then at end
  from drawn, lateral (select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid as id) as made`;

/**
 * Fills the table, and measures the cost of a row without and with the indexes for finding: microseconds on the server,
 * with single-row inserts.
 */
async function fill(client: pg.Client): Promise<{ insertUs: number; insertIndexedUs: number }> {
  const { rows: indexes } = await client.query(
    `select indexname, indexdef from pg_indexes where tablename = 'files' and indexname ~ 'record|type|_by_|grams'`,
  );
  await client.query(`select setseed(0.42)`);
  await client.query('alter table files disable trigger files_count_usage');
  for (const { indexname } of indexes) await client.query(`drop index ${indexname}`);
  await client.query('create index before_idx on files (owner_id, status, created_at, id)');
  await client.query(FILL('files'), [WORDS, 1, 1_100_000]);
  const insertUs = await insertSingly(client, 1_100_000);
  await client.query('drop index before_idx');
  await client.query(`set maintenance_work_mem = '256MB'`);
  for (const { indexdef } of indexes) await client.query(indexdef);
  const insertIndexedUs = await insertSingly(client, 1_200_000);
  await client.query('vacuum analyze files');
  return { insertUs, insertIndexedUs };
}

async function insertSingly(client: pg.Client, after: number): Promise<number> {
  const columns =
    'id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, document_type, status, ' +
    'created_at, deleted_at';
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const from = after + 1 + round * INSERTS;
    await client.query(`create temp table staged as select ${columns} from files where false`);
    await client.query(FILL('staged'), [WORDS, from, from + INSERTS - 1]);
    const startedAt = performance.now();
    await client.query(`
      do $$ declare row staged; begin
        for row in select * from staged loop insert into files (${columns}) values (row.*); end loop;
      end $$`);
    times.push(performance.now() - startedAt);
    await client.query('drop table staged');
  }
  return (median(times) * 1000) / INSERTS;
}

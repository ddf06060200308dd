import type pg from 'pg';

/** The owner of most of the files, for `find`. */
export const OWNER = 'alice';

/** Files to add: numbers from `from` to `to`, with a time each, and `owner`, an SQL expression of the number `n`. */
export type Files = { from: number; to: number; secondsApart?: number; owner?: string };

/** Every eleventh row belongs to another user. */
const MOST = `case when n % 11 = 0 then 'user-' || n % 977 else '${OWNER}' end`;

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
 * Ordered by time. Names have two words, sometimes a rarer third, and a number.
 */
const FILL = (table: string, owner: string) => `
  with words as (select array_agg(word) as w from regexp_split_to_table($1, '\\s+') as word),
  drawn as (
    select n, timestamptz '2022-01-01' + n * $4::float8 * interval '1 second' as at,
      ${owner} as owner,
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
        else (array['application/pdf','image/jpeg','image/png','text/plain','application/zip'])
          [1 + floor(random() ^ 2 * 5)::int]
        end as content_type,
      floor(exp(random() * 20))::bigint as size,
      case when random() < 0.03 then 'archived' when random() < 0.02 then 'deleted' else 'active' end as status
    from words, generate_series($2::int, $3::int) as n)
  insert into ${table} (id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, document_type,
    status, created_at, deleted_at)
  select id, owner, concat_ws('/', owner, coalesce(record, '_'), coalesce(type, '_'), id, name), name,
    content_type, size, md5(n::text), record, type, status, at, case when status = 'deleted' then at end
  from drawn, lateral (select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid as id) as made`;

/** The columns that `addFiles` fills. */
export const COLUMNS =
  'id, owner_id, object_key, file_name, content_type, size_bytes, etag, record_id, document_type, status, ' +
  'created_at, deleted_at';

/** Adds rows to `table`: `files`, or one with the same columns. The same each time for the same seed. */
export async function addFiles(client: pg.Client, table: string, files: Files): Promise<void> {
  const { from, to, secondsApart = 100, owner = MOST } = files;
  await client.query(FILL(table, owner), [WORDS, from, to, secondsApart]);
}

/** The indexes for finding files, by name, each with the statement that creates it. */
export async function readFindIndexes(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query(
    `select indexname, indexdef from pg_indexes where tablename = 'files' and indexname ~ 'record|type|_by_|grams'`,
  );
  return new Map(rows.map(({ indexname, indexdef }) => [indexname, indexdef]));
}

/** Fills an empty table while it has no index for finding, which is faster. `file_usage` is not counted. */
export async function fillFiles(client: pg.Client, files: Files): Promise<void> {
  const indexes = await readFindIndexes(client);
  await client.query('select setseed(0.42)');
  await client.query('alter table files disable trigger files_count_usage');
  for (const name of indexes.keys()) await client.query(`drop index ${name}`);
  await addFiles(client, 'files', files);
  await client.query(`set maintenance_work_mem = '1GB'`);
  for (const create of indexes.values()) await client.query(create);
  await client.query('alter table files enable trigger files_count_usage');
  await client.query('vacuum analyze files');
}

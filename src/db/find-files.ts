import { and, asc, desc, eq, gte, lt, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { NEW_FILE_STATE, type StatesWith } from '../contract/file-states.ts';
import type { Database, Statement } from './connect-database.ts';
import { type FileRow, files, ownFiles } from './schema.ts';

/** The orders of a list, `-` descending; names by the bytes of their lower-case form, equal ones by their ids. */
export const FILE_SORTS = {
  createdAt: { key: 'createdAt', direction: asc },
  '-createdAt': { key: 'createdAt', direction: desc },
  fileName: { key: 'searchName', direction: asc },
  '-fileName': { key: 'searchName', direction: desc },
  size: { key: 'sizeBytes', direction: asc },
  '-size': { key: 'sizeBytes', direction: desc },
} as const;

/** Where a page ended: what its last file is ordered by, and its id. */
export type FilePosition = { key: Date | string | number; id: string };

/** A file, and what it is ordered by. */
export type FoundFile = { row: FileRow; key: FilePosition['key'] };

export type FilePage = {
  ownerId: string;
  limit: number;
  /** Default `NEW_FILE_STATE`. */
  status?: StatesWith<'isListed', true> | undefined;
  /** Default `-createdAt`. */
  sort?: keyof typeof FILE_SORTS | undefined;
  after?: FilePosition | undefined;
  recordId?: string | undefined;
  documentType?: string | undefined;
  /** As stored; one without parameters finds it with parameters, too, and `image/*` all of a kind. */
  contentType?: string | undefined;
  /** From this moment on. */
  createdFrom?: Date | undefined;
  /** Before this moment. */
  createdTo?: Date | undefined;
  /** A part of the name, in whatever case. */
  q?: string | undefined;
};

/**
 * How many rows are scanned in order before falling back to an index, for filters that no index has in that order. With
 * many matches, the scan soon fills a page; with few, an index finds them all and they are sorted. With one match in
 * 400 of a million files, both take 5 ms (bench/README.md).
 */
const NEAR = 2_000;
const FAR = 25_000;

/** `own_files`, or a subquery of it. */
type Columns = { [Name in keyof typeof ownFiles._.selectedFields]: SQLWrapper };
type Filter = (of: Columns) => SQL | undefined;

/**
 * A page of the owner's files: `limit` of them where there are as many, those after the position where there is one.
 * A walk over all pages meets each file that stays once, whatever comes and goes meanwhile.
 * @throws {Problem} `database-unavailable`.
 */
export async function findFiles({ asUser }: Pick<Database, 'asUser'>, page: FilePage): Promise<FoundFile[]> {
  const ask = (statement: Statement<FoundFile[]>) => asUser(page.ownerId, statement);
  const labels: Filter = (of) => hasLabels(of, page);
  const texts: Filter = (of) => hasTexts(of, page);
  const all: Filter = (of) => and(labels(of), texts(of));
  // The indexes of labels are in the order of time.
  const [inOrder, others] =
    FILE_SORTS[page.sort ?? '-createdAt'].key === 'createdAt' ? [labels, texts] : [() => undefined, all];

  if (others(ownFiles) === undefined) return ask(find(page, { among: inOrder, inOrder: page.limit, where: others }));
  const look = (rows: number) => ask(find(page, { among: inOrder, inOrder: rows, where: others }));
  const near = await look(NEAR);
  if (near.length === page.limit) return near;
  if (near.length * FAR >= page.limit * NEAR) {
    const far = await look(FAR);
    if (far.length === page.limit) return far;
  }
  const indexed: Filter = (of) => and(all(of), page.q === undefined ? undefined : mayHold(of, page.ownerId, page.q));
  return ask(find(page, { among: indexed, inOrder: null, where: () => undefined }));
}

/**
 * The page `where` others hold `among` the first files in order, as many as `inOrder` says, or, where that is null,
 * among all. The rows are read from `files` itself, where the policy holds as well.
 */
function find(
  page: FilePage,
  { among, inOrder, where }: { among: Filter; inOrder: number | null; where: Filter },
): Statement<FoundFile[]> {
  const { status = NEW_FILE_STATE, sort = '-createdAt', limit } = page;
  const { key, direction } = FILE_SORTS[sort];
  return (db) => {
    const candidates = db
      .select()
      .from(ownFiles)
      .where(and(eq(ownFiles.status, status), among(ownFiles), isAfter(page)))
      .orderBy(...(inOrder === null ? [] : [direction(ownFiles[key]), direction(ownFiles.id)]))
      // Null is no limit, but PostgreSQL plans what is inside it without regard to the order outside.
      .limit(inOrder ?? Number.MAX_SAFE_INTEGER)
      .as('candidates');
    const found = db
      .select({ id: candidates.id, key: sql`${candidates[key]}`.mapWith(ownFiles[key]).as('key') })
      .from(candidates)
      .where(where(candidates))
      .orderBy(direction(candidates[key]), direction(candidates.id))
      .limit(limit)
      .as('found');
    return db
      .select({ row: files, key: found.key })
      .from(found)
      .innerJoin(files, and(eq(files.ownerId, page.ownerId), eq(files.id, found.id)))
      .orderBy(direction(found.key), direction(found.id))
      .prepare('');
  };
}

function isAfter({ sort = '-createdAt', after }: FilePage): SQL | undefined {
  if (after === undefined) return undefined;
  const { key, direction } = FILE_SORTS[sort];
  const position = sql`(${sql.param(after.key, ownFiles[key])}, ${after.id})`;
  return sql`(${ownFiles[key]}, ${ownFiles.id}) ${direction === asc ? sql`>` : sql`<`} ${position}`;
}

function hasLabels(of: Columns, { recordId, documentType, createdFrom, createdTo }: FilePage): SQL | undefined {
  return and(
    recordId === undefined ? undefined : eq(of.recordId, recordId),
    documentType === undefined ? undefined : eq(of.documentType, documentType),
    createdFrom && gte(of.createdAt, createdFrom),
    createdTo && lt(of.createdAt, createdTo),
  );
}

function hasTexts(of: Columns, { contentType, q }: FilePage): SQL | undefined {
  return and(
    contentType === undefined ? undefined : isOfType(of, contentType),
    q === undefined ? undefined : sql`strpos(${of.searchName}, ${folded(q)}) > 0`,
  );
}

function isOfType({ contentType }: Columns, wanted: string): SQL | undefined {
  if (wanted.includes(';')) return eq(contentType, wanted);
  const [from, to] = wanted.endsWith('/*') ? [wanted.slice(0, -1), `${wanted.slice(0, -2)}0`] : [wanted, `${wanted}<`];
  const within = and(gte(contentType, from), lt(contentType, to));
  return wanted.endsWith('/*') ? within : and(within, sql`rtrim(split_part(${contentType}, ';', 1)) = ${wanted}`);
}

/** True of all names with `q` in them, and of few others: what the index of names can tell. */
function mayHold(of: Columns, ownerId: string, q: string): SQL {
  return sql`file_grams(${of.ownerId}, ${of.searchName}) @@ file_query(${ownerId}, ${folded(q)})`;
}

/** As `search_name` is written. */
function folded(q: string): SQL {
  return sql`lower(normalize(${q}::text, NFC))`;
}

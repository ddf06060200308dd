import { and, asc, desc, eq, gte, lt, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { NEW_FILE_STATE, type StatesWith } from '../contract/file-states.ts';
import type { Database, Statement } from './connect-database.ts';
import { type FileRow, files, mainType, ownFiles } from './schema.ts';

/**
 * The orders of a list. `-` is descending; names are ordered by the bytes of their lower-case form, equal values by id.
 */
export const FILE_SORTS = {
  createdAt: { key: 'createdAt', direction: asc },
  '-createdAt': { key: 'createdAt', direction: desc },
  fileName: { key: 'searchName', direction: asc },
  '-fileName': { key: 'searchName', direction: desc },
  size: { key: 'sizeBytes', direction: asc },
  '-size': { key: 'sizeBytes', direction: desc },
} as const;

/** The end of a page: the sort key and the id of its last file. */
export type FilePosition = { key: Date | string | number; id: string };

/** A file and its sort key. */
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
  /** As stored. Without parameters it also finds the type with parameters; `image/*` finds all images. */
  contentType?: string | undefined;
  /** From this moment on. */
  createdFrom?: Date | undefined;
  /** Before this moment. */
  createdTo?: Date | undefined;
  /** A part of the name; case does not matter. */
  q?: string | undefined;
};

/**
 * How many rows are scanned in order before another index is used, for filters without an index in that order. With
 * many matches, the scan soon fills a page; with few, another index finds them all, and they are sorted. With one match
 * in 400 of a million files, both take 5 ms (bench/README.md).
 */
const NEAR = 2_000;
const FAR = 25_000;

/** `own_files`, or a subquery of it. */
type Columns = { [Name in keyof typeof ownFiles._.selectedFields]: SQLWrapper };
type Filter = (of: Columns) => SQL | undefined;

/**
 * A page of the owner's files: up to `limit` files after the position, or from the start. Over all pages, each
 * remaining file comes exactly once, even if files are added or removed meanwhile.
 * @throws {Problem} `database-unavailable`.
 */
export async function findFiles({ asUser }: Pick<Database, 'asUser'>, page: FilePage): Promise<FoundFile[]> {
  const ask = (statement: Statement<FoundFile[]>) => asUser(page.ownerId, statement);
  const { contentType, recordId, documentType } = page;
  const type: Filter = (of) => (contentType === undefined ? undefined : isOfType(of, contentType));
  // Only without another label: the first matches of one may all lack the other.
  const isOnlyLabel = recordId === undefined && documentType === undefined;
  const isTypeLabel = contentType !== undefined && isMainType(contentType) && isOnlyLabel;
  const labels: Filter = (of) => and(hasLabels(of, page), isTypeLabel ? type(of) : undefined);
  const texts: Filter = (of) => and(isTypeLabel ? undefined : type(of), hasName(of, page));
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
 * Takes the first `inOrder` files (null: all) that match `among`, in order, and of them a page that matches `where`.
 * The rows are read from `files`, so that its policy applies too.
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
      // This does not really limit, but with it PostgreSQL plans the inner query without regard to the outer order.
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

function hasName(of: Columns, { q }: FilePage): SQL | undefined {
  return q === undefined ? undefined : sql`strpos(${of.searchName}, ${folded(q)}) > 0`;
}

/** Whether the index of types in the order of time has it: neither a kind of types nor a type with parameters. */
function isMainType(contentType: string): boolean {
  return !contentType.includes(';') && !contentType.endsWith('/*');
}

function isOfType({ contentType }: Columns, wanted: string): SQL | undefined {
  if (isMainType(wanted)) return sql`${mainType(contentType)} = ${wanted}`;
  if (wanted.includes(';')) return eq(contentType, wanted);
  // From `image/` to before `image0`: the zero follows the slash.
  return and(gte(contentType, wanted.slice(0, -1)), lt(contentType, `${wanted.slice(0, -2)}0`));
}

/** True for all names that contain `q`, and for few others: a condition for the index of names. */
function mayHold(of: Columns, ownerId: string, q: string): SQL {
  return sql`file_grams(${of.ownerId}, ${of.searchName}) @@ file_query(${ownerId}, ${folded(q)})`;
}

/** The same form as `search_name`. */
function folded(q: string): SQL {
  return sql`lower(normalize(${q}::text, NFC))`;
}

import { and, count, eq, getTableColumns, inArray, type Placeholder, sql } from 'drizzle-orm';
import { findExcess } from '../config/limits.ts';
import type { Quota } from '../config/slices.ts';
import type { Refusal } from '../contract/errors.ts';
import { FILE_STATES, type FileState, type HELD_STATE, NEW_FILE_STATE, statesWith } from '../contract/file-states.ts';
import { type Act, logOf } from './audit-row.ts';
import type { Database, Statement } from './connect-database.ts';
import { type FilePage, type FoundFile, findFiles } from './find-files.ts';
import { type Db, errorDetail, sqlState } from './query-database.ts';
import { type FileRow, files, fileUsage } from './schema.ts';
import { queueOf, webhookTypeOf } from './webhook-row.ts';
import type { WebhookType } from './webhook-schema.ts';

/** A file's id (a UUID) and its owner. */
export type FileId = Pick<FileRow, 'id' | 'ownerId'>;

/** Columns that are set later; the upload sets all others. */
const { status, refusal, verdict, deletedAt, objectRemovedAt, ...newFileColumns } = getTableColumns(files);

/** The columns that an upload sets. Default of `status`: `NEW_FILE_STATE`. */
export type NewFile = Pick<FileRow, keyof typeof newFileColumns> & { status?: typeof HELD_STATE };

/**
 * The columns that may change. A state whose object does not stay also sets `deleted_at`, by the database's clock:
 * retention counts from it.
 */
export type FileChange = {
  [Field in 'status' | 'verdict' | 'fileName' | 'recordId' | 'documentType' | 'metadata' | 'encryption']?:
    | FileRow[Field]
    | undefined;
};

/** The total of a user's held, active and archived files. `recordFiles`: those of one record, if that was asked for. */
export type Usage = { sizeBytes: number; files: number; recordFiles?: number };

/**
 * The queries on files. Each runs as the owner and reaches only the owner's rows. A change and its row in the audit log
 * are one statement. All throw `database-unavailable` as `queryDatabase` does.
 */
export type FileQueries = {
  /**
   * The inserted row, or null if the owner has a row with this id, or any owner has one with this object key.
   * One statement, so exactly one of any number of concurrent calls gets the row.
   * @param quota the owner's quota, if it differs from everybody's.
   * @throws {Problem} `quota-exceeded`; then no row is inserted.
   */
  insert(file: NewFile, act: Act, quota?: Quota): Promise<FileRow | null>;
  /**
   * Burns the id so that no file can ever use it: the inserted row, or null as `insert`.
   * @param refusal the error that later confirmations get; null if the upload was aborted.
   * @param act the entry in the audit log; null for none.
   */
  refuse(file: NewFile, refusal: Refusal | null, act: Act | null): Promise<FileRow | null>;
  /** The owner's file, or null. A row in a final state is not a file. */
  find(file: FileId): Promise<FileRow | null>;
  /** The same, including rows in final states. */
  findAny(file: FileId): Promise<FileRow | null>;
  /**
   * The owner's files with these distinct ids, unordered, and with this key if one is given. If all are found and
   * downloadable, the audit log gets a row for each, otherwise none.
   */
  findToDownload(
    these: { ids: readonly string[]; ownerId: string; objectKey: string | null },
    act: Act,
  ): Promise<FileRow[]>;
  /** The changed row, or null if the owner has no such file in one of these states, or it is not of this record. */
  change(
    file: FileId & { onlyOfRecord?: string | undefined },
    from: readonly FileState[],
    change: FileChange,
    act: Act,
  ): Promise<FileRow | null>;
  /** Records that the object of a deleted or refused file was removed, now by the database's clock. */
  markRemoved(file: FileId): Promise<void>;
  /** As `findFiles`. */
  list(page: FilePage): Promise<FoundFile[]>;
  /** @param recordId to count the files of this record as well. */
  usage(ownerId: string, recordId?: string): Promise<Usage>;
};

/** SQLSTATE of the trigger on `files`; its detail is the user's `Usage` without the new file. */
const QUOTA_EXCEEDED = 'QF001';

const p = sql.placeholder;

/** A placeholder for each column, by its name here. */
function placeholdersOf<Columns extends object>(columns: Columns): Record<keyof Columns, Placeholder>;
function placeholdersOf(columns: object): Record<string, Placeholder> {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, p(name)]));
}

/** The values of an act for a statement without one. */
const NO_ACT = { actorId: null, address: null, requestId: null, action: null } satisfies Record<keyof Act, null>;

/** Times that are compared between rows come from the database: the clocks of the instances may differ. */
const NOW = sql`now()`;
const owned = eq(files.ownerId, p('ownerId'));
const isFile = inArray(files.status, statesWith('isFinal', false));

const hasObject = (status: FileState) => FILE_STATES[status].object === 'stays';

const newFile = placeholdersOf(newFileColumns);

/** A statement that also adds a webhook's event of this type; null: none. */
type Queueing = (type: WebhookType | null) => Statement<FileRow[]>;

const insertAnd: Queueing = (type) => (db) => {
  const values = { ...newFile, status: p('status') };
  const inserted = db.$with('inserted').as(db.insert(files).values(values).onConflictDoNothing().returning());
  const logged = db.$with('logged', {}).as(logOf(inserted));
  const queued = type === null ? [] : [db.$with('queued', {}).as(queueOf(inserted, type))];
  return db
    .with(inserted, logged, ...queued)
    .select()
    .from(inserted)
    .prepare(type === null ? 'files_insert' : 'files_insert_and_queue');
};

const refuseAnd: Queueing = (type) => (db) => {
  const values = { ...newFile, status: 'refused' as const, refusal: sql`${p('refusal')}::jsonb`, deletedAt: NOW };
  const refused = db.$with('refused').as(db.insert(files).values(values).onConflictDoNothing().returning());
  const logged = db.$with('logged', {}).as(logOf(refused, sql`where ${p('action')}::text is not null`));
  const queued = type === null ? [] : [db.$with('queued', {}).as(queueOf(refused, type))];
  return db
    .with(refused, logged, ...queued)
    .select()
    .from(refused)
    .prepare(type === null ? 'files_refuse' : 'files_refuse_and_queue');
};

// Each is made once: a connection recognizes a statement that it has prepared by this function.
const [insert, insertAndQueue] = [insertAnd(null), insertAnd('file.confirmed')];
const [refuse, refuseAndQueue] = [refuseAnd(null), refuseAnd('upload.refused')];

const find = (db: Db) =>
  db
    .select()
    .from(files)
    .where(and(eq(files.id, p('id')), owned, isFile))
    .prepare('files_find');

const findAny = (db: Db) =>
  db
    .select()
    .from(files)
    .where(and(eq(files.id, p('id')), owned))
    .prepare('files_find_any');

const findToDownload = (db: Db) => {
  const hasKey = sql`coalesce(${files.objectKey} = ${p('objectKey')}::text, true)`;
  const these = and(sql`${files.id} = any(${p('ids')}::uuid[])`, owned, isFile, hasKey);
  const found = db.$with('found').as(db.select().from(files).where(these));
  const downloadable = db
    .select({ count: count() })
    .from(found)
    .where(inArray(found.status, statesWith('isDownloadable', true)));
  const areAll = sql`where (${downloadable}) = cardinality(${p('ids')}::uuid[])`;
  const logged = db.$with('logged', {}).as(logOf(found, areAll));
  return db.with(found, logged).select().from(found).prepare('files_find_to_download');
};

const usage = (db: Db) =>
  db
    .select()
    .from(fileUsage)
    .where(eq(fileUsage.ownerId, p('ownerId')))
    .prepare('file_usage_find');

/** Counts what `countsForQuota`, as the trigger does: by the index on records. */
const recordFiles = (db: Db) =>
  db
    .select({ count: count() })
    .from(files)
    .where(and(owned, eq(files.recordId, p('recordId')), inArray(files.status, statesWith('countsForQuota', true))))
    .prepare('files_of_record');

function quotaSettings({ bytes, files, recordFiles }: Quota): Record<string, string> {
  return {
    'signpost.quota_bytes': String(bytes ?? ''),
    'signpost.quota_files': String(files ?? ''),
    ...(recordFiles !== undefined && { 'signpost.quota_record_files': String(recordFiles) }),
  };
}

/**
 * @param usualQuota of each user; null: no limit.
 * @param onQueued called after a change that has added a webhook's event, in the same statement. Default: no event is
 * added.
 */
export function createFileQueries(
  { asUser }: Pick<Database, 'asUser'>,
  usualQuota: Quota,
  onQueued?: () => void,
): FileQueries {
  const first = async (rows: Promise<FileRow[]>) => (await rows)[0] ?? null;
  const queues = onQueued !== undefined;
  const firstQueued = async (isQueued: boolean, rows: Promise<FileRow[]>) => {
    const row = await first(rows);
    if (isQueued && row !== null) onQueued?.();
    return row;
  };
  return {
    insert: (file, act, quota = usualQuota) => {
      const statement = queues ? insertAndQueue : insert;
      const values = { status: NEW_FILE_STATE, ...file, ...act };
      const inserted = asUser(file.ownerId, statement, values, quotaSettings(quota));
      return firstQueued(queues, inserted).catch((error: unknown) => {
        if (sqlState(error) !== QUOTA_EXCEEDED) throw error;
        const used: Usage = JSON.parse(errorDetail(error));
        throw findExcess(quota, used, { sizeBytes: file.sizeBytes, files: 1 }) ?? error;
      });
    },
    refuse: (file, refusal, act) => {
      const values = { ...file, ...(act ?? NO_ACT), refusal: refusal && JSON.stringify(refusal) };
      // An abort leads to no event: the client asked for it.
      const isQueued = queues && refusal !== null;
      return firstQueued(isQueued, asUser(file.ownerId, isQueued ? refuseAndQueue : refuse, values));
    },
    find: (file) => first(asUser(file.ownerId, find, file)),
    findAny: (file) => first(asUser(file.ownerId, findAny, file)),
    findToDownload: (these, act) => asUser(these.ownerId, findToDownload, { ...these, ...act }),
    change: ({ id, ownerId, onlyOfRecord }, from, change, act) => {
      const type = queues ? webhookTypeOf(act.action) : null;
      const statement: Statement<FileRow[]> = (db) => {
        const ofRecord = onlyOfRecord === undefined ? undefined : eq(files.recordId, onlyOfRecord);
        const isThis = and(eq(files.id, id), eq(files.ownerId, ownerId), inArray(files.status, [...from]), ofRecord);
        const changed = db.$with('changed').as(
          db
            .update(files)
            .set({ ...change, ...(change.status && !hasObject(change.status) && { deletedAt: NOW }) })
            .where(isThis)
            .returning(),
        );
        const logged = db.$with('logged', {}).as(logOf(changed));
        const queued = type === null ? [] : [db.$with('queued', {}).as(queueOf(changed, type))];
        return db
          .with(changed, logged, ...queued)
          .select()
          .from(changed)
          .prepare('');
      };
      return firstQueued(type !== null, asUser(ownerId, statement, act));
    },
    markRemoved: async ({ id, ownerId }) => {
      const isThis = and(eq(files.id, id), eq(files.ownerId, ownerId));
      await asUser(ownerId, (db) => db.update(files).set({ objectRemovedAt: NOW }).where(isThis).prepare(''));
    },
    list: (page) => findFiles({ asUser }, page),
    usage: async (ownerId, recordId) => {
      const [used = [], ofRecord = []] = await Promise.all([
        asUser(ownerId, usage, { ownerId }),
        recordId === undefined ? undefined : asUser(ownerId, recordFiles, { ownerId, recordId }),
      ]);
      const [total = { sizeBytes: 0, files: 0 }] = used;
      return { ...total, ...(ofRecord[0] !== undefined && { recordFiles: ofRecord[0].count }) };
    },
  };
}

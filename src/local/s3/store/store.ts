/** Whether a bucket keeps versions; null if it never did. */
export type Versioning = 'Enabled' | 'Suspended' | null;

/** `byName`: by the record's file name, which never changes its key. */
type ListedKeys = {
  byName: ReadonlyMap<string, string>;
  sorted: readonly { key: string }[];
  /** The last change of the records' folder when they were listed; null if it was too recent to notice the next one. */
  changedAtMs: number | null;
};

/**
 * The buckets on disk:
 *
 * ```
 * incoming/                       what is being written; emptied at start
 * buckets/<name>/bucket.json      when it was made
 * buckets/<name>/cors.json        a setting of the bucket
 * buckets/<name>/objects/<sha256 of the key>.json                   the current object
 * buckets/<name>/versions/<sha256 of the key>/<version id>.json     older versions and delete markers
 * buckets/<name>/uploads/<upload id>/upload.json
 * buckets/<name>/uploads/<upload id>/<part number>.json
 * buckets/<name>/data/<uuid>      the bytes of one object or part, never changed
 * ```
 *
 * The record in `objects` names its key and its data files; an object is created, changed or removed by the one step
 * that replaces or removes its record. File names are not keys, because some disks ignore case. A change of versions
 * writes `versions` first and `objects` last, or the reverse when a version is restored; `readVersions` handles the
 * states in between.
 */
export type Store = {
  directory: string;
  incoming: string;
  /** The last waiting writer of each record, by the record's path. */
  writers: Map<string, Promise<unknown>>;
  /**
   * Records whose data files are being read, by the name of the first file; the last reader removes files that are due.
   */
  readers: Map<string, { count: number; isRemovalDue: boolean }>;
  /** The keys of each bucket as last listed. */
  keys: Map<string, ListedKeys>;
  /** By bucket, whether it keeps versions, once read. */
  versioning: Map<string, Versioning>;
};

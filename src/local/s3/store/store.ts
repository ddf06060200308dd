/** Whether a bucket keeps versions; null if it never did. */
export type Versioning = 'Enabled' | 'Suspended' | null;

/** The keys of a bucket's objects. */
type ListedKeys = {
  /** In the order of a listing. */
  sorted: Promise<readonly { key: string }[]>;
  /** The keys whose records this process has changed since `sorted` was made, and whether they have an object. */
  changes: Map<string, boolean>;
  /**
   * The last change of the records' folder that is in `sorted` or `changes`, in nanoseconds; null if another process
   * has changed it since.
   */
  changedAt: bigint | null;
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
  /** The keys of each bucket, once read: see `listKeys`. */
  keys: Map<string, ListedKeys>;
  /** By bucket, whether it keeps versions, once read. */
  versioning: Map<string, Versioning>;
};

/** Whether a bucket keeps versions; null where it never did. */
export type Versioning = 'Enabled' | 'Suspended' | null;

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
 * The record in `objects` names its key and its data files; publishing the record is the one point where an object
 * appears, changes or goes. Keys are no file names, for the sake of disks that fold case. A step that concerns versions
 * writes in `versions` first and in `objects` last, or the other way where a version comes back: `readVersions` says
 * what counts in between.
 */
export type Store = {
  directory: string;
  incoming: string;
  /** The last writer in line for each record, by the record's path. */
  writers: Map<string, Promise<unknown>>;
  /** Data files that are being read, by the name of a record's first one; doomed ones go with their last reader. */
  readers: Map<string, { count: number; isDoomed: boolean }>;
  /** By bucket, the keys of its records as last listed, by the record's file name: one key, one name, for ever. */
  keys: Map<string, ReadonlyMap<string, string>>;
  /** By bucket, whether it keeps versions, once that was asked. */
  versioning: Map<string, Versioning>;
};

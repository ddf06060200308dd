const PREFIX = 'signpost:';
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
/** S3's minimum. */
const MIN_PART_BYTES = 5 * 1024 * 1024;
const END_BYTES = 64 * 1024;
const SAMPLES = 16;
const SAMPLE_BYTES = 8 * 1024;

/** An unfinished upload by parts. The bucket knows which parts have arrived. */
export type SavedUpload = {
  objectKey: string;
  uploadId: string;
  partSize: number;
  /** The envelope of an encrypted file: its key is wrapped. */
  encryption?: string | undefined;
};

/**
 * Remembers uploads across page reloads. If the storage is full, forbidden or tampered with, only resuming is lost.
 * @param storage `localStorage` or the like; null remembers nothing.
 */
export function createUploadMemory(storage: Storage | null, now: () => number) {
  /** A storage that is full, or was forbidden meanwhile, throws. */
  const attempt = <Result>(task: (storage: Storage) => Result): Result | null => {
    try {
      return storage && task(storage);
    } catch {
      return null;
    }
  };
  const read = (name: string): (SavedUpload & { startedAtMs: number }) | null =>
    attempt((storage) => JSON.parse(storage.getItem(name) ?? 'null'));
  return {
    /** The saved upload of this fingerprint. Also drops all entries older than 7 days. */
    find: (fingerprint: string): SavedUpload | null => {
      attempt((storage) => {
        // Backwards, because removing an entry shifts those after it.
        for (let index = storage.length; index-- > 0; ) {
          const name = storage.key(index) ?? '';
          if (name.startsWith(PREFIX) && now() - (read(name)?.startedAtMs ?? 0) > MAX_AGE_MS) storage.removeItem(name);
        }
      });
      const saved = read(PREFIX + fingerprint);
      return saved !== null && saved.partSize >= MIN_PART_BYTES ? saved : null;
    },
    save: (fingerprint: string, { objectKey, uploadId, partSize, encryption }: SavedUpload): void => {
      const entry = { objectKey, uploadId, partSize, encryption, startedAtMs: now() };
      attempt((storage) => storage.setItem(PREFIX + fingerprint, JSON.stringify(entry)));
    },
    forget: (fingerprint: string): void => void attempt((storage) => storage.removeItem(PREFIX + fingerprint)),
  };
}

/** The page's `localStorage`; null if it is missing (workers, Node) or forbidden by the user (access throws). */
export function pageStorage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/**
 * What identifies the same upload of the same file: the request, whose it is, the file's date, its first and last
 * 64 KiB and 16 samples between them. Cheap for any size; a file changed since has another one.
 */
export function identityOf(file: File | Blob, facts: unknown): Blob {
  const samples = Array.from({ length: SAMPLES }, (_, index) => {
    const start = Math.floor((file.size / SAMPLES) * index);
    return file.slice(start, start + SAMPLE_BYTES);
  });
  const date = 'lastModified' in file ? file.lastModified : null;
  return new Blob([JSON.stringify([facts, date]), file.slice(0, END_BYTES), ...samples, file.slice(-END_BYTES)]);
}

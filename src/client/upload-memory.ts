import { sha256 } from './sha256.ts';

const PREFIX = 'signpost:';
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const SAMPLE_BYTES = 64 * 1024;

/** An unfinished upload by parts; what has arrived of it, the bucket knows. */
export type SavedUpload = { objectKey: string; uploadId: string; partSize: number };

export type UploadMemory = ReturnType<typeof createUploadMemory>;

/**
 * What survives a page reload. A storage that is full, forbidden or tampered with only costs the resuming.
 * @param storage `localStorage` or the like; null remembers nothing.
 */
export function createUploadMemory(storage: Storage | null, now: () => number) {
  const read = (name: string): (SavedUpload & { startedAtMs: number }) | null => {
    try {
      return JSON.parse(storage?.getItem(name) ?? 'null');
    } catch {
      return null;
    }
  };
  return {
    /** The saved upload of this fingerprint. Entries older than 7 days are dropped on the way, whosever they are. */
    find: (fingerprint: string): SavedUpload | null => {
      // Backwards, since removing one moves those behind it.
      for (let index = storage?.length ?? 0; index-- > 0; ) {
        const name = storage?.key(index) ?? '';
        if (name.startsWith(PREFIX) && now() - (read(name)?.startedAtMs ?? 0) > MAX_AGE_MS) storage?.removeItem(name);
      }
      return read(PREFIX + fingerprint);
    },
    save: (fingerprint: string, { objectKey, uploadId, partSize }: SavedUpload): void => {
      try {
        storage?.setItem(PREFIX + fingerprint, JSON.stringify({ objectKey, uploadId, partSize, startedAtMs: now() }));
      } catch {
        // Full: this upload will not survive a reload, and is otherwise as good as another.
      }
    },
    forget: (fingerprint: string): void => storage?.removeItem(PREFIX + fingerprint),
  };
}

/** The page's `localStorage`; null where there is none (workers, Node) or the user forbids it (then it throws). */
export function pageStorage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/**
 * Recognizes the same upload of the same file: what was asked of the service, the file's date, its first and last
 * 64 KiB, as base64 of a SHA-256.
 * Cheap for any size, and a file that was changed since is another one.
 */
export async function fingerprintOf(file: File | Blob, request: unknown): Promise<string> {
  const facts = JSON.stringify([request, 'lastModified' in file ? file.lastModified : null]);
  return sha256(new Blob([facts, file.slice(0, SAMPLE_BYTES), file.slice(-SAMPLE_BYTES)]));
}

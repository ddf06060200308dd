import { shareUpload } from './share-upload.ts';
import { subjectOf } from './subject-of.ts';
import { createUploadMemory, identityOf, pageStorage, type SavedUpload } from './upload-memory.ts';

export type UploadToJoin = {
  file: File | Blob;
  /** Everything that the upload depends on besides the file. */
  request: unknown;
  url: string;
  bearer: string | undefined;
  /** Whether it may follow another page's upload of the same file: not if it is encrypted. */
  mayFollow: boolean;
  /** undefined: the page's own. */
  storage: Storage | null | undefined;
  now: () => number;
  sha256: (blob: Blob) => Promise<string>;
};

export type JointUpload = Awaited<ReturnType<typeof joinUpload>>;

/**
 * An upload that this origin remembers over reloads, and that its pages and workers share: the same file, by the same
 * user, with the same options, to the same service. This module is loaded with the first file of 5 MiB or more.
 */
export async function joinUpload({ file, request, url, bearer, mayFollow, storage, now, sha256 }: UploadToJoin) {
  const key = await sha256(identityOf(file, [request, url, subjectOf(bearer)]));
  const memory = createUploadMemory(storage === undefined ? pageStorage() : storage, now);
  // A blob without a date cannot be recognized.
  const share = shareUpload(`signpost:${key}`, mayFollow && storage !== null && 'lastModified' in file);
  return {
    ...share,
    find: (): SavedUpload | null => (share.isAlone() ? null : (memory.find(key) ?? share.saved())),
    save: (saved: SavedUpload): void => {
      if (share.isAlone()) return;
      memory.save(key, saved);
      share.tell({ saved });
    },
    forget: (): void => {
      if (share.isAlone()) return;
      memory.forget(key);
      share.tell({ saved: undefined });
    },
  };
}

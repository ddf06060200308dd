import type { Found } from './collect-files.ts';
import type { QueueFileOptions, QueueItem } from './queue-item.ts';
import type { SavedFile } from './queue-memory.ts';

const lastModifiedOf = (file: Blob | null) =>
  file !== null && 'lastModified' in file ? Number(file.lastModified) : null;

/**
 * What a memory keeps of a file; null if it must not be sent again without its encryption, which cannot be stored.
 * @param keepsBytes false if the queue encrypts: the plain bytes stay out of the browser's storage then.
 */
export function remembered(
  { id, fileName, contentType, relativePath, totalBytes: size, file }: QueueItem,
  options: QueueFileOptions,
  handle: FileSystemFileHandle | null,
  keepsBytes: boolean,
): SavedFile | null {
  if (options.encryption) return null;
  const lastModified = lastModifiedOf(file);
  return {
    ...{ id, fileName, contentType, relativePath, size, lastModified, options, handle },
    file: keepsBytes ? file : null,
  };
}

/** Whether this is the file that is needed again: the same name, place, size and date. */
export function matches({ file, fileName, relativePath }: Found, saved: SavedFile): boolean {
  const name = saved.options.fileName === undefined ? saved.fileName : fileName;
  return (
    file?.size === saved.size &&
    fileName === name &&
    relativePath === saved.relativePath &&
    lastModifiedOf(file) === saved.lastModified
  );
}

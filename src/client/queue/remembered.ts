import { SignpostError } from '../signpost-error.ts';
import type { Found } from './collect-files.ts';
import type { Entry } from './queue-entry.ts';
import type { QueueFileOptions } from './queue-item.ts';
import type { SavedFile } from './queue-memory.ts';
import { restoredFile } from './restored-file.ts';
import type { UploadQueueOptions } from './upload-queue.ts';

const lastModifiedOf = (file: Blob | null) =>
  file !== null && 'lastModified' in file ? Number(file.lastModified) : null;

/** What a queue gives its memory, and what it does with what it gets back. */
export function createRemembering({ signpost, memory, beforeUpload, uploadOptions = {} }: UploadQueueOptions) {
  const { url = '', isEncrypting } = signpost;
  const isPrepared = beforeUpload !== undefined;
  /** undefined: the client does not say. */
  const isEncrypted = ({ encryption }: QueueFileOptions) => (encryption === undefined ? isEncrypting : !!encryption);

  return {
    withDefaults: (given: QueueFileOptions): QueueFileOptions => {
      const metadata = { ...uploadOptions.metadata, ...given.metadata };
      return { ...uploadOptions, ...given, ...(Object.keys(metadata).length > 0 && { metadata }) };
    },
    /** Without plain bytes if the file is encrypted before it is sent, or may be. */
    save: ({ item, options, objectKey }: Entry, handle: FileSystemFileHandle | null = null): void => {
      const { encryption } = options;
      // A file's own encryption cannot be stored, and it must not be sent without.
      if (encryption && encryption !== uploadOptions.encryption) return;
      const { id, fileName, contentType, relativePath, totalBytes: size, file } = item;
      const keepsBytes = isEncrypted(options) === false && (!isPrepared || memory?.keepsPlainBytes);
      memory?.save({
        id,
        fileName,
        contentType,
        relativePath,
        size,
        url,
        isPrepared,
        handle,
        lastModified: lastModifiedOf(file),
        isEncrypted: !!isEncrypted(options),
        options: storable(options),
        file: keepsBytes ? file : null,
        isPaused: item.status === 'paused',
        objectKey,
      });
    },
    setObjectKey: (entry: Entry, objectKey: string): void => {
      entry.objectKey = objectKey;
      memory?.setObjectKey?.(entry.item.id, objectKey);
    },
    load: async (): Promise<SavedFile[]> => (await memory?.load(url)) ?? [],
    /** The options are those that the file was added with; the queue gives only its encryption. */
    restore: async (saved: SavedFile) => {
      const options = { encryption: uploadOptions.encryption, ...saved.options };
      const isRefused = (saved.isEncrypted && !isEncrypted(options)) || (saved.isPrepared && !isPrepared);
      return isRefused
        ? { file: null, needs: null, refusal: notPrepared(), options }
        : { ...(await restoredFile(saved)), refusal: null, options };
    },
  };
}

function storable({ encryption, ...options }: QueueFileOptions): QueueFileOptions {
  return encryption === null ? { ...options, encryption } : options;
}

function notPrepared(): SignpostError {
  const detail = 'this file was added to a queue with encryption or beforeUpload, which this queue does not have';
  return new SignpostError({ code: 'not-prepared', status: 0, detail, retryable: false });
}

/**
 * Whether this is the file that is needed again: the same name, size and date, with the same options. A file of a
 * folder may be chosen without the folder.
 */
export function matches({ file, fileName, relativePath }: Found, options: QueueFileOptions, saved: SavedFile): boolean {
  const name = saved.options.fileName === undefined ? saved.fileName : fileName;
  return (
    file?.size === saved.size &&
    fileName === name &&
    [null, saved.relativePath].includes(relativePath) &&
    lastModifiedOf(file) === saved.lastModified &&
    JSON.stringify(storable(options)) === JSON.stringify(saved.options)
  );
}

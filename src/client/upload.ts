/** A confirmed upload, as `POST /confirm-upload` answers it. */
export type StoredFile = {
  /** UUIDv7. */
  fileId: string;
  objectKey: string;
  fileName: string;
  contentType: string;
  /** What the file's first bytes say it is; null where they say nothing for certain. */
  detectedContentType: string | null;
  /** Bytes. */
  size: number;
  etag: string;
  versionId: string | null;
  /**
   * Base64, for a file that went up in parts the composite `<base64>-<parts>`; null when the upload was not asked to
   * carry one, or the bucket keeps none.
   */
  checksumSha256: string | null;
  recordId: string | null;
  documentType: string | null;
  metadata: Record<string, string>;
  status: string;
  /** ISO 8601. */
  createdAt: string;
  publicFileUrl: string | null;
};

export type Progress = { sentBytes: number; totalBytes: number };

/** What the service remembers of a file, besides what it is. */
export type Remembered = {
  recordId?: string | undefined;
  documentType?: string | undefined;
  /** At most 10 pairs, names of `[a-z0-9-]{1,32}`. */
  metadata?: Readonly<Record<string, string>> | undefined;
};

export type UploadOptions = Remembered & {
  /**
   * Default: the file's own name; `file` for a nameless `Blob`. Control characters are left out, and more than 255 bytes of
   * UTF-8 are shortened, the extension kept.
   */
  fileName?: string;
  /** Default: the file's own type, else `application/octet-stream`. */
  contentType?: string;
  /**
   * Hash what is sent and have the bucket hold what arrives against it (SHA-256): the file first where it goes up in
   * one piece, else each part before it is sent. Default false.
   */
  checksum?: boolean;
  /** Steps back when something has to be sent again. Told only after every part where there is no `XMLHttpRequest`. */
  onProgress?: (progress: Progress) => void;
  /** Aborting it is `abort()`; the upload rejects with its reason. */
  signal?: AbortSignal;
};

/**
 * A running upload: a promise of the stored file, with a few handles on its way.
 * It rejects with a `SignpostError`, or when aborted with the reason of the signal (by default an `AbortError`).
 */
export type Upload = Promise<StoredFile> & {
  /** Stops sending. Parts that have arrived stay; a file that goes in one piece will start again. */
  pause: () => void;
  resume: () => void;
  /**
   * Gives up for good, and has the service remove what has arrived. Resolves when that is done or tried in vain (then
   * it is left to the service's own sweeping); the upload itself rejects at once. Without effect on a finished upload.
   */
  abort: () => Promise<void>;
};

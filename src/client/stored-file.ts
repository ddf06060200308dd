import type { AppTypes, DocumentOf, MetadataOf } from './app-types.ts';

/** What the service remembers about a file. */
export type Remembered<App extends AppTypes = AppTypes> = {
  recordId?: string | undefined;
  documentType?: DocumentOf<App> | undefined;
  /** At most 10 pairs, with names matching `[a-z0-9-]{1,32}`. */
  metadata?: MetadataOf<App> | undefined;
};

/** Those fields of the options, for the request: a field that is forgotten here does not compile. */
export function pickRemembered({ recordId, documentType, metadata }: Remembered) {
  return { recordId, documentType, metadata } satisfies Record<keyof Remembered, unknown>;
}

/** A confirmed upload, as `POST /confirm-upload` answers it. */
export type StoredFile<App extends AppTypes = AppTypes> = {
  /** UUIDv7. */
  fileId: string;
  objectKey: string;
  fileName: string;
  contentType: string;
  /** The type detected from the file's first bytes; null if uncertain. */
  detectedContentType: string | null;
  /** Bytes. */
  size: number;
  etag: string;
  versionId: string | null;
  /**
   * Base64; the composite `<base64>-<parts>` for a file uploaded in parts. Null if no checksum was requested, or the
   * bucket keeps none.
   */
  checksumSha256: string | null;
  recordId: string | null;
  documentType: DocumentOf<App> | null;
  metadata: MetadataOf<App>;
  /** How the file is decrypted; null if it was not encrypted before it was sent. */
  encryption: string | null;
  /** `held`: waits for a verdict, and cannot be downloaded yet. `rejected`: its bytes are gone. */
  status: 'held' | 'active' | 'archived' | 'rejected' | 'deleted' | 'refused';
  /** Why it was rejected; only of a rejected file. */
  rejection?: string | undefined;
  /** ISO 8601. */
  createdAt: string;
  publicFileUrl: string | null;
  /**
   * Signed proof of the confirmation (a JWS) for `verifyReceipt`: only in the answer to the confirmation, where
   * receipts are on.
   */
  receipt?: string | undefined;
};

export type FileQuery<App extends AppTypes = AppTypes> = {
  /** Files on each page: 1 to 100. Default 50. */
  limit?: number | undefined;
  recordId?: string | undefined;
  documentType?: DocumentOf<App> | undefined;
  /** `application/pdf`, or a kind: `image/*`. */
  contentType?: string | undefined;
  /** Part of the file's name. Case does not matter. */
  q?: string | undefined;
  /** Default `active`. */
  status?: Exclude<StoredFile['status'], 'deleted' | 'refused'> | undefined;
  /** A date or a time of ISO 8601: created then or later; created before. */
  createdFrom?: string | undefined;
  createdTo?: string | undefined;
  /** `-` is descending. Default `-createdAt`. */
  sort?: 'createdAt' | '-createdAt' | 'fileName' | '-fileName' | 'size' | '-size' | undefined;
  /** Starts after an earlier page: its `nextCursor`. */
  cursor?: string | undefined;
};

/** `nextCursor` is null on the last page. */
export type FilePage<App extends AppTypes = AppTypes> = { files: StoredFile<App>[]; nextCursor: string | null };

export type FileChange<App extends AppTypes = AppTypes> = {
  fileName?: string | undefined;
  recordId?: string | null | undefined;
  documentType?: DocumentOf<App> | null | undefined;
  /** Replaces all of it. */
  metadata?: MetadataOf<App> | undefined;
  /** The key of an encrypted file, wrapped again: the result of `rewrap`. */
  encryption?: string | undefined;
};

/** What was done with a file, by whom, and what became of it: an event of the audit log. */
export type FileEvent = {
  /** ISO 8601. */
  at: string;
  /** `upload.confirm`, `download.presign` … */
  action: string;
  /** `ok`, or the code of the problem. */
  outcome: string;
  /** Who acted. */
  actorId: string;
};

/** Total size and number of the user's files, and the quota; null: no limit. */
export type Usage = { bytes: number; files: number; quotaBytes: number | null; quotaFiles: number | null };

export type UrlOptions = {
  /** Whether a browser saves the file or shows it. Types that could run scripts are always saved. Default: saved. */
  disposition?: 'attachment' | 'inline' | undefined;
  /** The name to save it under. Default: the file's own. */
  fileName?: string | undefined;
  /** Seconds, at most 604,800. Default: the service's setting. */
  expiresIn?: number | undefined;
};

/** What the token's user may upload. */
export type Limits = {
  /** The largest file, in bytes. */
  maxBytes: number;
  /** Types and patterns like `image/*`: joined with commas, the `accept` of a file input. */
  contentTypes: string[];
  methods: ('PUT' | 'POST' | 'MULTIPART')[];
  /** Larger files are sent in parts. */
  multipartThresholdBytes: number;
  /** The maximum (null: no limit) and what is stored (null: unknown at the moment), in bytes and in number. */
  quota: {
    bytes: number | null;
    files: number | null;
    usedBytes: number | null;
    usedFiles: number | null;
    /** With a ticket: how many files its record may have, and has. */
    recordFiles?: number | undefined;
    usedRecordFiles?: number | null | undefined;
  };
  /** With a ticket: what every upload must have, and until when URLs are signed. */
  recordId?: string | undefined;
  documentTypes?: readonly string[] | undefined;
  uploadsUntil?: string | undefined;
};

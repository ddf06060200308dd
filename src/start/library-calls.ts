import type { Authorization } from '../auth/authorize.ts';
import type {
  StoredFile as File,
  FileChange,
  FilePage,
  FileQuery,
  Limits,
  Remembered,
  UrlOptions,
  Usage,
} from '../client/stored-file.ts';
import type { CallerLimits } from '../config/caller-limits.ts';

/** The body of `POST /presign-upload`. */
export type UploadRequest = Remembered & {
  /** Up to 255 bytes of UTF-8. */
  fileName: string;
  contentType: string;
  /** Bytes. */
  size: number;
  /** Base64, of the whole file: not for an upload in parts. */
  checksumSha256?: string | undefined;
  /** The client encrypts the file, and this is how it is decrypted: it must match `[A-Za-z0-9._-]{1,512}`. */
  encryption?: string | undefined;
  /** In an upload in parts, each part needs its SHA-256, and `POST /presign-parts` signs it. Default false. */
  partChecksums?: boolean | undefined;
  /** Default: `PUT` up to `MULTIPART_THRESHOLD_BYTES`, above it `MULTIPART`. */
  method?: 'PUT' | 'POST' | 'MULTIPART' | undefined;
  /** Seconds. Default: `UPLOAD_URL_TTL_SECONDS`. */
  expiresIn?: number | undefined;
};

/** The answer to `POST /presign-upload`: what a client sends to the bucket. Times are ISO 8601. */
export type PresignedUpload = {
  fileId: string;
  /** For `confirmUpload`. */
  objectKey: string;
  serverTime: string;
  expiresAt: string;
  publicFileUrl?: string | null;
} & (
  | { method: 'PUT'; presignedUrl: string; headers: Record<string, string> }
  | { method: 'POST'; presignedUrl: string; fields: Record<string, string> }
  | { method: 'MULTIPART'; uploadId: string; partSize: number; partCount: number; parts: PresignedPart[] }
);

export type PresignedPart = {
  /** From 1. */
  partNumber: number;
  /** Bytes. */
  size?: number;
  presignedUrl: string;
  headers?: Record<string, string>;
};

/** The body of `POST /confirm-upload`; `uploadId` for an upload in parts. */
export type Confirmation = {
  objectKey: string;
  uploadId?: string | undefined;
  /** Default: those that the bucket lists. */
  parts?: { partNumber: number; etag: string }[] | undefined;
  /** Makes a file of an object that was put by other means, such as temporary credentials. Default false. */
  adopt?: boolean | undefined;
};

/** The body of `POST /presign-download`: one of `fileId` and `objectKey`. */
export type DownloadRequest = UrlOptions & { fileId?: string | undefined; objectKey?: string | undefined };

/** The answer to `POST /presign-download`. */
export type PresignedDownload = {
  presignedUrl: string;
  /** To send with the request, where the file has a key of its own (SSE-C). */
  headers?: Record<string, string> | undefined;
  /** ISO 8601. */
  expiresAt: string;
  file: File;
};

/** The query of `GET /files`; times may be dates. */
export type ListQuery = Omit<FileQuery, 'createdFrom' | 'createdTo'> & {
  /** Inclusive. */
  createdFrom?: string | Date | undefined;
  /** Exclusive. */
  createdTo?: string | Date | undefined;
};

/** The query of `GET /held-files`. */
export type HeldQuery = {
  /** Only this user's files. Default: those of all users. */
  ownerId?: string | undefined;
  /** Default 50. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
};

/** Files that wait for a verdict, oldest first. */
export type HeldFilePage = { files: (File & { ownerId: string })[]; nextCursor: string | null };

/** The body of `POST /files/{fileId}/verdict`. */
export type VerdictRequest = {
  verdict: 'clean' | 'rejected';
  /** Why. The owner can read it; required for `rejected`. */
  reason?: string | undefined;
  /** The person or the program behind the verdict. */
  by?: string | undefined;
};

/** The answer to `GET /files/{fileId}/verdict`. */
export type FileVerdict = {
  file: File;
  /** Null until the file is judged. */
  verdict: { verdict: 'clean' | 'rejected'; reason: string | null; by: string | null; at: string } | null;
  /** Reads the bytes to be judged; null unless the file is held. */
  presignedUrl: string | null;
  /** To send with the request, where the file has a key of its own (SSE-C). */
  headers?: Record<string, string> | undefined;
  expiresAt: string | null;
};

/** Whom a ticket lets upload, and what. */
export type TicketRequest = Omit<Authorization, 'limits'> & {
  limits: CallerLimits;
  /** How long the ticket is valid, in seconds from now: a whole number of at least 1. */
  ttlSeconds: number;
};

/**
 * The routes as functions for code on the server: validated, limited and audited alike, without HTTP. `caller` is whom
 * they act for. Each throws a `Problem` with the code that the route would answer, and a `TypeError` if the caller is
 * not a valid one. `RATE_LIMIT_PER_MINUTE` does not count them.
 */
export type Calls = {
  /** As `POST /presign-upload`. */
  presignUpload: (caller: Authorization, request: UploadRequest) => Promise<PresignedUpload>;
  /** As `POST /confirm-upload`: the file, also if it was confirmed before. */
  confirmUpload: (caller: Authorization, input: Confirmation) => Promise<File>;
  /** As `POST /presign-download`. */
  presignDownload: (caller: Authorization, input: DownloadRequest) => Promise<PresignedDownload>;
  /** As `GET /limits`. */
  limits: (caller: Authorization, query?: { documentType?: string | undefined }) => Promise<Limits>;
  files: {
    /** As `GET /files/{fileId}`. */
    find: (caller: Authorization, fileId: string) => Promise<File>;
    /** As `GET /files`: one page. */
    list: (caller: Authorization, query?: ListQuery) => Promise<FilePage>;
    /** As `PATCH /files/{fileId}`. */
    change: (caller: Authorization, fileId: string, change: FileChange) => Promise<File>;
    /** As `POST /files/{fileId}/archive`. */
    archive: (caller: Authorization, fileId: string) => Promise<File>;
    /** As `POST /files/{fileId}/restore`. */
    restore: (caller: Authorization, fileId: string) => Promise<File>;
    /** As `DELETE /files/{fileId}`. */
    remove: (caller: Authorization, fileId: string) => Promise<void>;
    /** As `GET /usage`. */
    usage: (caller: Authorization) => Promise<Usage>;
  };
  /** For judges: callers with the scope `files:judge`. `ownerId` is the file's owner. */
  held: {
    /** As `GET /held-files`: one page. */
    list: (caller: Authorization, query?: HeldQuery) => Promise<HeldFilePage>;
    /** As `GET /files/{fileId}/verdict`. */
    read: (caller: Authorization, fileId: string) => Promise<FileVerdict>;
    /**
     * As `POST /files/{fileId}/verdict`.
     * @example
     * const judge = { userId: 'scanner', scopes: ['files:judge'] as const };
     * const { files } = await signpost.held.list(judge);
     * for (const { ownerId, fileId } of files) {
     *   await signpost.held.judge({ ...judge, ownerId }, fileId, { verdict: 'clean', by: 'my scanner' });
     * }
     */
    judge: (caller: Authorization, fileId: string, verdict: VerdictRequest) => Promise<File>;
  };
};

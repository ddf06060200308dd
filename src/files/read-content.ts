import { type ActingCaller, audited } from '../audit/audited.ts';
import { recordSent } from '../audit/record-events.ts';
import type { Caller } from '../auth/caller.ts';
import { busy, Problem } from '../contract/errors.ts';
import { storedTypeOf } from '../contract/media-type.ts';
import { createSlots, type Slots } from '../net/slots.ts';
import type { Bucket } from '../storage/bucket.ts';
import { MAX_READERS } from '../storage/request-limits.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { type Disposition, toContentDisposition } from './content-disposition.ts';
import { type FindActiveServices, findActive } from './get-file.ts';
import { objectOfFile } from './object-of-file.ts';
import { parseRange } from './parse-range.ts';
import { streamContent } from './stream-content.ts';

export type ReadContentServices = FindActiveServices & {
  bucket: Pick<Bucket, 'read'>;
  metrics: Pick<Metrics, 'count'>;
  /** Limits concurrent readers: `createReaderSlots`. */
  readers: Slots;
};

/** How many files a user may read through the service at the same time. */
const MAX_READERS_PER_USER = 8;

/** Limits how many files are read at the same time: 8 by each user, 200 in all. */
export function createReaderSlots(): Slots {
  return createSlots({
    inAll: MAX_READERS,
    perUser: MAX_READERS_PER_USER,
    refuse: (isUserLimit) =>
      isUserLimit
        ? new Problem('rate-limited', `at most ${MAX_READERS_PER_USER} files at the same time; finish reading one`, {
            headers: { 'retry-after': '5' },
          })
        : busy('too many files are being read through the service'),
  });
}

/** The request's headers that select the content, as received. */
type ContentRequest = {
  range?: string | undefined;
  ifRange?: string | undefined;
  ifNoneMatch?: string | undefined;
  /** HEAD: only the headers are returned; nothing is read. */
  headersOnly?: boolean;
};

type ContentTarget = { fileId: string; disposition?: Disposition | undefined };

type Content = {
  status: 200 | 206 | 304;
  headers: Record<string, string>;
  bytes: ReadableStream<Uint8Array> | null;
};

/**
 * Sends a file, or the requested range, through the service; each read is in the audit log, and at its end how many
 * bytes were sent. Only the verified object is read: if its key now has another object, that is a `conflict`. Takes a
 * statement, then a request to the bucket.
 * @returns 200, 206 or 304 (RFC 9110), the headers, and the bytes (null if there are none), which stop when the reader
 * stops.
 * @throws {Problem} `file-not-found`, `conflict` if it is archived or held, `file-rejected`, `range-not-satisfiable`,
 * `rate-limited` for a user who reads too many files at the same time, `storage-unavailable`, `database-unavailable`.
 */
export async function readContent(
  services: ReadContentServices,
  caller: Caller,
  target: ContentTarget,
  request: ContentRequest,
): Promise<Content> {
  const release = await services.readers.take(`${caller.actorId} ${caller.userId}`);
  try {
    const content = await openContent(services, caller, target, request, release);
    if (content.bytes === null) release();
    return content;
  } catch (error) {
    release();
    throw error;
  }
}

const openContent = audited('download.content', open, ({ fileId }) => ({ fileId }));

async function open(
  services: ReadContentServices,
  caller: ActingCaller,
  { fileId, disposition = 'attachment' }: ContentTarget,
  { range, ifRange, ifNoneMatch, headersOnly = false }: ContentRequest,
  release: () => void,
): Promise<Content> {
  const row = await findActive(services, caller, { fileId });
  const { etag, sizeBytes } = row;
  const headers = {
    etag,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'content-security-policy': policyOf(row.contentType),
  };
  if (namesEtag(ifNoneMatch, etag)) return { status: 304, headers, bytes: null };

  const isWhole = headersOnly || (ifRange !== undefined && ifRange !== etag);
  const wanted = isWhole ? null : parseRange(range, sizeBytes);
  if (wanted === 'unsatisfiable') {
    throw new Problem('range-not-satisfiable', `the file has ${sizeBytes} bytes`, {
      headers: { 'content-range': `bytes */${sizeBytes}` },
    });
  }
  const { start, end } = wanted ?? { start: 0, end: sizeBytes - 1 };
  const described = {
    ...headers,
    'content-type': storedTypeOf(row),
    'content-disposition': toContentDisposition(disposition, row.fileName, row),
    'content-length': String(end - start + 1),
    ...(wanted !== null && { 'content-range': `bytes ${start}-${end}/${sizeBytes}` }),
  };
  const status = wanted === null ? 200 : 206;
  if (headersOnly) return { status, headers: described, bytes: null };

  const object = objectOfFile(row);
  const first = await services.bucket.read(object, wanted);
  const bytes = streamContent(
    first,
    { start, end },
    (rest) => services.bucket.read(object, rest),
    (sentBytes, err) => {
      release();
      const outcome = err === undefined ? 'ok' : 'storage-unavailable';
      recordSent(services, caller, { fileId: row.id, objectKey: row.objectKey }, { sentBytes, outcome });
      services.metrics.count('signpost_content_bytes_total', {}, sentBytes);
      if (err === undefined) return;
      services.logger.error({ err, requestId: caller.requestId }, 'the content of a file ended early');
    },
  );
  return { status, headers: described, bytes };
}

/**
 * With any content, a browser runs no script and loads nothing (Content Security Policy Level 3). Exception: for audio
 * and video opened directly, the browser makes a page that loads the file again.
 */
function policyOf(contentType: string): string {
  return /^(audio|video)\//i.test(contentType)
    ? "sandbox allow-same-origin; default-src 'none'; media-src 'self'"
    : "sandbox; default-src 'none'";
}

/**
 * Whether If-None-Match (RFC 9110, section 13.1.2) names this ETag, or is `*`. By weak comparison: a proxy that
 * compresses makes the tag a weak one.
 */
export function namesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  const named = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return named.includes('*') || named.includes(etag);
}

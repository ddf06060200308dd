import { type PartsTicket, type PutTicket, presign, type UploadRequest } from './presign.ts';
import { sha256 } from './sha256.ts';
import { pickRemembered, type StoredFile } from './stored-file.ts';
import {
  type Content,
  callRepeatedly,
  findStored,
  isFinal,
  MAX_LOST_BYTES,
  type OnSent,
  type Session,
  type Transfer,
} from './transfer.ts';
import { type StoredPart, transferParts } from './transfer-parts.ts';
import { transferWhole } from './transfer-whole.ts';
import type { UploadOptions } from './upload.ts';
import type { SavedUpload } from './upload-memory.ts';

export type Preparation = {
  request: UploadRequest;
  checksum: boolean;
  /** An upload of the same file that an earlier page started. */
  saved: SavedUpload | null;
  onBegun: ((upload: SavedUpload) => void) | undefined;
  onSent: OnSent;
};

/** Does everything before the first byte is sent. Returns the file if an earlier page had already uploaded it all. */
export async function prepareTransfer(
  session: Session,
  content: Content,
  { request, checksum, saved, onBegun, onSent }: Preparation,
  signal: AbortSignal,
): Promise<Transfer | StoredFile> {
  const resumed = saved && (await resumeParts(session, content, saved, checksum, onSent, signal));
  if (resumed) return resumed;

  const ticket = await presign<PutTicket | PartsTicket>(session, request, signal);
  if (ticket.method === 'MULTIPART') {
    onBegun?.({ ...ticket, encryption: content.envelope });
    const known = { stored: [], urls: ticket.parts, urlsStaleAtMs: ticket.staleAtMs, checksum };
    return transferParts(session, content, ticket, known, onSent);
  }
  if (!checksum) return transferWhole(session, content, request, ticket, onSent);
  // Hashed only after the first answer, because the service may refuse the file or choose parts.
  const hashed = { ...request, checksumSha256: await sha256(await content.read(0, content.size), signal) };
  const hashedTicket = await presign<PutTicket>(session, { ...hashed, method: 'PUT' }, signal);
  return transferWhole(session, content, hashed, hashedTicket, onSent);
}

/** A name that is short enough, without characters to remove. (A character has at most four bytes.) */
const FIT_NAME = /^[^\p{Cc}\p{Cs}\u202d\u202e]{1,63}$/u;

/**
 * The name as the service accepts it. The module that shortens and cleans names is loaded only for a long or odd one.
 */
async function fit(name: string): Promise<string> {
  if (FIT_NAME.test(name)) return name;
  // It cannot be loaded: the service may refuse the name, and says why.
  return import('./fit-file-name.ts').then(
    ({ fitFileName }) => fitFileName(name),
    () => name,
  );
}

/** The body of `POST /presign-upload`, with defaults from the file. */
export async function requestOf(file: File | Blob, options: UploadOptions): Promise<UploadRequest> {
  return {
    fileName: await fit(options.fileName ?? ('name' in file ? file.name : 'file')),
    contentType: options.contentType || file.type || 'application/octet-stream',
    size: file.size,
    ...pickRemembered(options),
    ...(options.checksum && { partChecksums: true }),
    ...methodOf(file.size),
  };
}

/** The request for what is really sent. */
export function requestFor(request: UploadRequest, { size, envelope }: Content): UploadRequest {
  return envelope === undefined ? request : { ...request, size, encryption: envelope, ...methodOf(size) };
}

const methodOf = (size: number) => size > MAX_LOST_BYTES && ({ method: 'MULTIPART' } as const);

/** Resumes the upload of an earlier page; null if it is gone or belongs to another user. */
async function resumeParts(
  session: Session,
  content: Content,
  saved: SavedUpload,
  checksum: boolean,
  onSent: OnSent,
  signal: AbortSignal,
): Promise<Transfer | StoredFile | null> {
  const { objectKey, uploadId } = saved;
  try {
    const { parts } = await callRepeatedly<{ parts: StoredPart[] }>(
      session,
      '/list-parts',
      { objectKey, uploadId },
      signal,
    );
    return transferParts(session, content, saved, { stored: parts, urls: [], urlsStaleAtMs: 0, checksum }, onSent);
  } catch (error) {
    if (!isFinal(error)) throw error;
    // The bucket forgets a completed multipart upload: perhaps only the answer of the confirmation was lost.
    return findStored(session, objectKey, signal);
  }
}

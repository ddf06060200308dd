import type { FileEncryption } from './file-encryption.ts';
import type { JointUpload } from './join-upload.ts';
import { prepareTransfer, requestFor, requestOf } from './prepare-transfer.ts';
import type { UploadRequest } from './presign.ts';
import { fileChanged } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';
import {
  type Content,
  callRepeatedly,
  findStored,
  isFinal,
  isGone,
  type OnSent,
  type Session,
  type Transfer,
} from './transfer.ts';
import type { UploadOptions } from './upload.ts';
import type { UploadState } from './upload-state.ts';

/**
 * S3's minimum size of all parts but the last (S3 User Guide, "Amazon S3 multipart upload limits"): a smaller file has
 * nothing to resume.
 */
const MIN_RESUMABLE_BYTES = 5 * 1024 * 1024;

/** How often an upload that was removed from the bucket begins anew. */
const MAX_RESTARTS = 2;

export type UploadSession = Session & {
  /** Remembers the upload and shares it with other pages; null where that cannot be loaded. */
  join: (file: File | Blob, request: unknown, mayFollow: boolean) => Promise<JointUpload | null>;
  /** Of uploads that have none of their own. */
  encryption: FileEncryption | null;
};

/** The running of one upload: one round after another, each until it is interrupted. */
export type Run = {
  /** Sends the file. Null if another page sends it, or if the upload must begin anew. */
  send: (signal: AbortSignal) => Promise<StoredFile | null>;
  /** Whether another page sends the file. */
  isFollower: () => boolean;
  /** Follows that page. Null if it has stopped. */
  follow: (signal: AbortSignal) => Promise<StoredFile | null>;
  /** The round is over: another page may send the file, if it is not stored. */
  leave: (stored?: StoredFile | null) => void;
  /** Asks the service to remove what has arrived, unless other pages are sending it. */
  discard: () => Promise<void>;
};

/** @param tell is given the state of the round that runs. */
export function runUpload(
  session: UploadSession,
  file: File | Blob,
  options: UploadOptions,
  onSent: OnSent,
  tell: (state: UploadState) => void,
): Run {
  const { checksum = false, encryption = session.encryption } = options;
  let request: UploadRequest;
  /** undefined: not joined yet. */
  let joint: JointUpload | null | undefined;
  let isFollower = false;
  let transfer: Transfer | null = null;
  /** What an abort must remove: set once something may be in the bucket. */
  let started: StartedUpload | null = null;
  /** The key of an upload that is gone: completed elsewhere, aborted or swept. */
  let goneKey = options.objectKey ?? null;
  let restarts = 0;

  const report: OnSent = (sentBytes, keptBytes) => {
    onSent(sentBytes, keptBytes);
    joint?.tell({ sentBytes });
  };

  const join = async (): Promise<JointUpload | null> => {
    request = await requestOf(file, options);
    // An encrypted upload resumes only with the same bytes, and a blob without a date cannot be recognized.
    const isResumable = file.size >= MIN_RESUMABLE_BYTES && (encryption === null || 'lastModified' in file);
    return isResumable ? session.join(file, encryption ? [request] : request, !encryption) : null;
  };

  const prepare = async (signal: AbortSignal): Promise<Transfer | StoredFile> => {
    if (goneKey !== null) {
      const stored = await findStored(session, goneKey, signal);
      if (stored !== null) return stored;
      goneKey = null;
      // Not if only its confirmation is unknown: its parts may be there.
      if (restarts) joint?.forget();
      report(0, 0);
    }
    let saved = joint?.find() ?? null;
    started = saved;
    const plain: Content = { size: file.size, read: (start, end) => file.slice(start, end) };
    const content = (await encryption?.encrypt(file, request.contentType, saved?.encryption)) ?? plain;
    if (content.envelope !== saved?.encryption) saved = null;
    const preparation = {
      request: requestFor(request, content),
      checksum,
      saved,
      onBegun: joint?.save,
      onSent: report,
    };
    return prepareTransfer(session, content, preparation, signal);
  };

  return {
    send: async (signal) => {
      if (transfer === null) tell({ status: 'preparing' });
      joint ??= joint === undefined ? await join() : null;
      signal.throwIfAborted();
      isFollower = joint !== null && !(await joint.lead());
      signal.throwIfAborted();
      if (isFollower) return null;
      try {
        if (transfer === null) {
          const prepared = await prepare(signal);
          if (!('send' in prepared)) return prepared;
          transfer = started = prepared;
        }
        const sending = transfer.send(signal);
        // Only now: what had arrived before is reported first, and is not sent.
        tell({ status: 'uploading' });
        const stored = await sending;
        if (stored !== null) return stored;
        const { objectKey, uploadId, parts } = transfer;
        tell({ status: 'confirming', objectKey });
        return await callRepeatedly(session, '/confirm-upload', { objectKey, uploadId, ...parts?.() }, signal);
      } catch (error) {
        if (transfer !== null && isGone(error) && restarts++ < MAX_RESTARTS) {
          goneKey = transfer.objectKey;
          transfer = null;
          return null;
        }
        if (isFinal(error)) joint?.forget();
        // Of what is hashed or encrypted first, reading fails with the browser's own error: NotReadableError
        // or NotFoundError (W3C File API, "Errors and Exceptions").
        throw error instanceof DOMException && /^Not[RF]/.test(error.name) ? fileChanged(error) : error;
      }
    },

    isFollower: () => isFollower,

    follow: async (signal) => {
      tell({ status: 'uploading' });
      // The other page has taken over what this one has begun.
      transfer = started = goneKey = null;
      const storedKey = (await joint?.follow(onSent, signal)) ?? null;
      isFollower = false;
      if (storedKey === null) return null;
      tell({ status: 'confirming', objectKey: storedKey });
      const stored = await findStored(session, storedKey, signal);
      // Another user's.
      if (stored === null) joint = null;
      return stored;
    },

    leave: (stored) => {
      if (stored) joint?.forget();
      void joint?.leave(stored?.objectKey);
    },

    discard: async () => {
      if (await joint?.isShared()) return;
      joint?.forget();
      if (started !== null) await requestRemoval(session, started);
    },
  };
}

type StartedUpload = { objectKey: string; uploadId?: string };

async function requestRemoval(session: Session, { objectKey, uploadId }: StartedUpload): Promise<void> {
  try {
    // Cancelling does not wait for a lost connection.
    const impatient = { ...session, giveUpAfterMs: 0 };
    await callRepeatedly(impatient, '/abort-upload', { objectKey, uploadId }, new AbortController().signal);
  } catch {
    // The caller could do nothing about a failure; the service sweeps unconfirmed uploads.
  }
}

import { type PutTicket, presign, type UploadRequest } from './presign.ts';
import { retry } from './retry.ts';
import { isStaleUrl, sendBytes } from './send-bytes.ts';
import { SignpostError } from './signpost-error.ts';
import { callRepeatedly, findStored, type Session, type Transfer } from './transfer.ts';
import type { StoredFile } from './upload.ts';

/** A file in one PUT. Interrupted, it starts again from the first byte. */
export function transferWhole(
  session: Session,
  file: Blob,
  request: UploadRequest & { checksumSha256?: string | undefined },
  firstTicket: PutTicket,
  onSent: (sentBytes: number) => void,
): Transfer {
  let ticket = firstTicket;

  const send = async (signal: AbortSignal): Promise<void> => {
    try {
      await sendBytes({ ...ticket, body: file, onSent, session, signal });
    } catch (error) {
      // Nobody else can write under this key: an earlier try got through, and only its answer was lost.
      if (!(error instanceof SignpostError && error.status === 412)) throw error;
    }
  };

  /** A new URL is a new key, so first it must be sure that nothing lies under the old one. */
  const renew = async (signal: AbortSignal): Promise<StoredFile | null> => {
    // It is an attempt that is repeated; its requests are not, or the tries would multiply.
    const once = { ...session, maxAttempts: 1 };
    const stored = await findStored(once, ticket.objectKey, signal);
    if (stored === null) {
      ticket = await presign<PutTicket>(once, { ...request, method: 'PUT' }, signal);
      transfer.objectKey = ticket.objectKey;
    }
    return stored;
  };

  const attempt = async (signal: AbortSignal): Promise<StoredFile | null> => {
    if (session.now() < ticket.staleAtMs) {
      try {
        await send(signal);
        return null;
      } catch (error) {
        if (!isStaleUrl(error)) throw error;
      }
    }
    const stored = await renew(signal);
    if (stored === null) await send(signal);
    return stored;
  };

  const transfer: Transfer = {
    objectKey: ticket.objectKey,
    run: async (signal) => {
      const stored = await retry(() => attempt(signal), session, signal);
      onSent(file.size);
      return stored ?? callRepeatedly(session, '/confirm-upload', { objectKey: ticket.objectKey }, signal);
    },
  };
  return transfer;
}

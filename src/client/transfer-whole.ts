import { type PutTicket, presign, type UploadRequest } from './presign.ts';
import { retry } from './retry.ts';
import { isStaleUrl, sendBytes } from './send-bytes.ts';
import { SignpostError } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';
import { type Content, findStored, type OnSent, patient, type Session, type Transfer } from './transfer.ts';

/** Sends a file in one PUT. After an interruption it starts again from the first byte. */
export function transferWhole(
  session: Session,
  content: Content,
  request: UploadRequest & { checksumSha256?: string | undefined },
  firstTicket: PutTicket,
  onSent: OnSent,
): Transfer {
  let ticket = firstTicket;
  let isSent = false;

  const send = async (signal: AbortSignal): Promise<void> => {
    const body = await content.read(0, content.size);
    try {
      await sendBytes({ ...ticket, body, onSent: (bytes) => onSent(bytes, 0), session, signal });
    } catch (error) {
      // Only this upload can write under this key: an earlier attempt succeeded, and its answer was lost.
      if (!(error instanceof SignpostError && error.status === 412)) throw error;
    }
  };

  /** A new URL means a new key, so it first checks that no object exists under the old one. */
  const renew = async (signal: AbortSignal): Promise<StoredFile | null> => {
    // The whole attempt is repeated; repeating its requests too would multiply the attempts.
    const once = { ...session, maxAttempts: 1, giveUpAfterMs: 0 };
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
    send: async (signal) => {
      // A whole file starts again from its first byte.
      const stored = isSent ? null : await retry(() => attempt(signal), patient(session, 1), signal);
      isSent = true;
      onSent(content.size, content.size);
      return stored;
    },
  };
  return transfer;
}

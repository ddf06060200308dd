import { retry } from './retry.ts';
import { isStaleUrl, sendBytes } from './send-bytes.ts';
import { callRepeatedly, type Session, staleAtMs, type Transfer } from './transfer.ts';
import type { SavedUpload } from './upload-memory.ts';

/** What one call of `POST /presign-parts` may ask for. */
const MAX_PARTS_A_CALL = 100;

export type PartUrl = { partNumber: number; presignedUrl: string };
export type StoredPart = { partNumber: number; size: number; etag: string | null };

/**
 * A file in parts, several at once. Interrupted, only the parts that were on their way are sent again.
 * @param stored the parts that the bucket has.
 */
export function transferParts(
  session: Session,
  file: Blob,
  { objectKey, uploadId, partSize }: SavedUpload,
  { stored, urls, urlsStaleAtMs }: { stored: readonly StoredPart[]; urls: readonly PartUrl[]; urlsStaleAtMs: number },
  onSent: (sentBytes: number) => void,
): Transfer {
  const bytesOf = (partNumber: number) => file.slice((partNumber - 1) * partSize, partNumber * partSize);
  const etags = new Map<number, string | null>();
  const sentBytes = new Map<number, number>();
  for (const { partNumber, size, etag } of stored) {
    if (size !== bytesOf(partNumber).size) continue;
    etags.set(partNumber, etag);
    sentBytes.set(partNumber, size);
  }
  const report = () => onSent([...sentBytes.values()].reduce((sum, each) => sum + each, 0));
  const missingParts = () => {
    const all = Array.from({ length: Math.ceil(file.size / partSize) }, (_, index) => index + 1);
    return all.filter((partNumber) => !etags.has(partNumber));
  };

  let ready = new Map(urls.map(({ partNumber, presignedUrl }) => [partNumber, presignedUrl]));
  let readyUntilMs = urlsStaleAtMs;
  const takeUrl = (partNumber: number) => {
    const url = session.now() < readyUntilMs ? ready.get(partNumber) : undefined;
    // Once only: whatever a part fails of, its next try has a URL that is certainly not too old.
    ready.delete(partNumber);
    return url;
  };
  const renewUrl = async (partNumber: number, signal: AbortSignal): Promise<string> => {
    const later = missingParts().filter((other) => other > partNumber);
    const askedAtMs = session.now();
    const answer = await session.call<{ parts: PartUrl[]; expiresAt: string; serverTime?: string }>(
      '/presign-parts',
      { objectKey, uploadId, partNumbers: [partNumber, ...later].slice(0, MAX_PARTS_A_CALL) },
      signal,
    );
    ready = new Map(answer.parts.map(({ partNumber, presignedUrl }) => [partNumber, presignedUrl]));
    readyUntilMs = staleAtMs(answer, askedAtMs);
    const url = ready.get(partNumber);
    ready.delete(partNumber);
    return url ?? '';
  };

  const sendPart = async (partNumber: number, signal: AbortSignal): Promise<void> => {
    const send = async (presignedUrl: string) => {
      const onPartSent = (bytes: number) => {
        sentBytes.set(partNumber, bytes);
        report();
      };
      const body = bytesOf(partNumber);
      etags.set(partNumber, await sendBytes({ presignedUrl, body, onSent: onPartSent, fetch: session.fetch, signal }));
    };
    const url = takeUrl(partNumber);
    if (url !== undefined) {
      try {
        return await send(url);
      } catch (error) {
        if (!isStaleUrl(error)) throw error;
      }
    }
    await send(await renewUrl(partNumber, signal));
  };

  return {
    objectKey,
    uploadId,
    run: async (signal) => {
      const queue = missingParts();
      for (const partNumber of queue) sentBytes.delete(partNumber);
      report();
      const work = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const partNumber = next;
          await retry(() => sendPart(partNumber, signal), session, signal);
        }
      };
      await Promise.all(Array.from({ length: session.parallelParts }, work));
      onSent(file.size);
      const parts = [...etags]
        .map(([partNumber, etag]) => ({ partNumber, etag }))
        .sort((a, b) => a.partNumber - b.partNumber);
      // Without the bucket's CORS rules exposing ETag, the service asks the bucket for its own list.
      const known = parts.every(({ etag }) => etag !== null);
      return callRepeatedly(session, '/confirm-upload', { objectKey, uploadId, ...(known && { parts }) }, signal);
    },
  };
}

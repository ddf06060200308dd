import { retry } from './retry.ts';
import { isAnswer, isStaleUrl, sendBytes } from './send-bytes.ts';
import { sha256 } from './sha256.ts';
import {
  type Content,
  MAX_LOST_BYTES,
  type OnSent,
  patient,
  type Session,
  staleAtMs,
  type Transfer,
} from './transfer.ts';
import type { SavedUpload } from './upload-memory.ts';

/** How many parts one `POST /presign-parts` may ask for. */
const MAX_PARTS_A_CALL = 100;

/** Has `headers` if the part's checksum is signed. */
export type PartUrl = { partNumber: number; presignedUrl: string; headers?: Record<string, string> };
export type StoredPart = { partNumber: number; size: number; etag: string | null };

export type KnownParts = {
  /** The parts that the bucket has. */
  stored: readonly StoredPart[];
  urls: readonly PartUrl[];
  urlsStaleAtMs: number;
  /** Whether each part is hashed before it is sent, as requested when the upload started. */
  checksum: boolean;
};

/** Sends a file in parts, several at once. After an interruption it sends only what the bucket does not have. */
export function transferParts(
  session: Session,
  content: Content,
  { objectKey, uploadId, partSize }: SavedUpload,
  { stored, urls, urlsStaleAtMs, checksum }: KnownParts,
  onSent: OnSent,
): Transfer {
  const startOf = (partNumber: number) => Math.min((partNumber - 1) * partSize, content.size);
  const sizeOf = (partNumber: number) => startOf(partNumber + 1) - startOf(partNumber);
  const read = (partNumber: number) => content.read(startOf(partNumber), startOf(partNumber + 1));
  const etags = new Map<number, string | null>();
  let keptBytes = 0;
  /** Of the parts on their way. */
  const sentBytes = new Map<number, number>();
  /** Parts that were sent without an answer: the bucket may have them. */
  const unanswered = new Set<number>();
  const keep = (partNumber: number, etag: string | null) => {
    if (!etags.has(partNumber)) keptBytes += sizeOf(partNumber);
    etags.set(partNumber, etag);
    sentBytes.delete(partNumber);
  };
  const keepStored = (parts: readonly StoredPart[]) => {
    for (const { partNumber, size, etag } of parts) if (size === sizeOf(partNumber)) keep(partNumber, etag);
  };
  keepStored(stored);
  const report = () =>
    onSent(
      [...sentBytes.values()].reduce((sum, each) => sum + each, keptBytes),
      keptBytes,
    );
  const missingParts = () => {
    const all = Array.from({ length: Math.ceil(content.size / partSize) }, (_, index) => index + 1);
    return all.filter((partNumber) => !etags.has(partNumber));
  };

  const byNumber = (urls: readonly PartUrl[]) => new Map(urls.map((url) => [url.partNumber, url]));
  let ready = byNumber(urls);
  let readyUntilMs = urlsStaleAtMs;
  const takeUrl = (partNumber: number) => {
    const url = session.now() < readyUntilMs ? ready.get(partNumber) : undefined;
    // Used only once, so that a retry never uses an expired URL.
    ready.delete(partNumber);
    return url;
  };
  /** The parts to presign: this one and those after it, or this one only, if parts are hashed one by one. */
  const partsToPresign = async (partNumber: number, signal: AbortSignal) => {
    if (checksum) return { parts: [{ partNumber, checksumSha256: await sha256(await read(partNumber), signal) }] };
    const later = missingParts().filter((other) => other > partNumber);
    return { partNumbers: [partNumber, ...later].slice(0, MAX_PARTS_A_CALL) };
  };
  const renewUrl = async (partNumber: number, signal: AbortSignal): Promise<PartUrl> => {
    const parts = await partsToPresign(partNumber, signal);
    const askedAtMs = session.now();
    const answer = await session.call<{ parts: PartUrl[]; expiresAt: string; serverTime?: string }>(
      '/presign-parts',
      { objectKey, uploadId, ...parts },
      signal,
    );
    ready = byNumber(answer.parts);
    readyUntilMs = staleAtMs(answer, askedAtMs);
    const url = ready.get(partNumber);
    ready.delete(partNumber);
    return url ?? { partNumber, presignedUrl: '' };
  };

  const sendPart = async (partNumber: number, signal: AbortSignal): Promise<void> => {
    const onPartSent = (bytes: number) => {
      sentBytes.set(partNumber, bytes);
      report();
    };
    const send = async ({ presignedUrl, headers = {} }: PartUrl) => {
      const body = await read(partNumber);
      unanswered.add(partNumber);
      try {
        keep(partNumber, await sendBytes({ presignedUrl, headers, body, onSent: onPartSent, session, signal }));
        unanswered.delete(partNumber);
        report();
      } catch (error) {
        if (isAnswer(error)) unanswered.delete(partNumber);
        // What is sent again is not shown as sent.
        if (!signal.aborted) onPartSent(0);
        throw error;
      }
    };
    if (unanswered.has(partNumber)) {
      keepStored((await session.call<{ parts: StoredPart[] }>('/list-parts', { objectKey, uploadId }, signal)).parts);
      unanswered.delete(partNumber);
      if (etags.has(partNumber)) return report();
    }
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
    send: async (signal) => {
      const queue = missingParts();
      sentBytes.clear();
      report();
      const work = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const partNumber = next;
          await retry(() => sendPart(partNumber, signal), patient(session, 24), signal);
        }
      };
      const length = session.parallelParts || Math.max(1, Math.floor(MAX_LOST_BYTES / partSize));
      await Promise.all(Array.from({ length }, work));
      return null;
    },
    parts: () => {
      const parts = [...etags]
        .map(([partNumber, etag]) => ({ partNumber, etag }))
        .sort((a, b) => a.partNumber - b.partNumber);
      // If the bucket's CORS rules do not expose ETag, the service asks the bucket for its own list.
      return parts.every(({ etag }) => etag !== null) ? { parts } : {};
    },
  };
}

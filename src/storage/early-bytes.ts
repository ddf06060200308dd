import type { EncryptedObject } from './encryption.ts';
import type { SendObjectRequest } from './request-objects.ts';
import { type StoredObject, toVersionId } from './stored-object.ts';

/** The first bytes of the object under a key, whichever it is, and how the answer describes it. */
type EarlyBytes = { bytes: Uint8Array; headers: Readonly<Record<string, string>> };

/**
 * Asks for an object's first bytes before HEAD has told which object it is, so without a condition.
 * @returns null if they could not be read, for any reason. If they are needed, they are read again, and that gives the
 * error.
 */
export async function readEarly(
  send: SendObjectRequest,
  object: EncryptedObject,
  count: number,
): Promise<EarlyBytes | null> {
  return read(send, object, count).catch(() => null);
}

/** Whether these are the first bytes, `count` or all, of the object that HEAD has found. */
export function areOf({ bytes, headers }: EarlyBytes, object: StoredObject, count: number): boolean {
  const length = Math.min(count, object.sizeBytes);
  return (
    bytes.length === length &&
    headers.etag === object.etag &&
    toVersionId(headers['x-amz-version-id']) === object.versionId &&
    headers['content-range'] === `bytes 0-${length - 1}/${object.sizeBytes}`
  );
}

async function read(send: SendObjectRequest, object: EncryptedObject, count: number): Promise<EarlyBytes | null> {
  const { status, headers, body } = await send({
    operation: 'GetObject',
    key: object.key,
    sseKeyId: object.sseKeyId,
    headers: { range: `bytes=0-${count - 1}` },
  });
  const chunks: Uint8Array[] = [];
  let left = count;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    left -= chunk.length;
    // The store has ignored the range.
    if (status !== 206 || left < 0) return null;
    chunks.push(chunk);
  }
  return { headers, bytes: Buffer.concat(chunks) };
}

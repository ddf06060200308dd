import type { Readable } from 'node:stream';
import { unavailable } from '../contract/errors.ts';
import { isGone, objectChanged } from './bucket-errors.ts';
import type { SendObjectRequest } from './request-objects.ts';
import { onlyThisVersion, type StoredObject } from './stored-object.ts';

/** Identifies one version of an object. */
export type ReadableObject = Pick<StoredObject, 'key' | 'sseKeyId' | 'etag' | 'versionId' | 'sizeBytes'>;

/** A byte range, both ends included. */
export type ByteRange = { start: number; end: number };

/**
 * GetObject: an object's bytes, or a non-empty range of them. The answer's ETag, length and range are checked.
 * @returns a stream that fails if bytes are missing.
 * @throws {Problem} `storage-unavailable`; `conflict` if the object was replaced or removed.
 */
export async function readObject(
  send: SendObjectRequest,
  object: ReadableObject,
  range: ByteRange | null = null,
): Promise<Readable> {
  const { query, headers } = onlyThisVersion(object);
  const answer = await send({
    operation: 'GetObject',
    key: object.key,
    sseKeyId: object.sseKeyId,
    query,
    headers: range === null ? headers : { ...headers, range: `bytes=${range.start}-${range.end}` },
  }).catch((error: unknown) => {
    throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
  });
  const { etag = '', 'content-length': length, 'content-range': contentRange } = answer.headers;
  const wanted =
    range === null
      ? { status: 200, sizeBytes: object.sizeBytes, contentRange: undefined }
      : {
          status: 206,
          sizeBytes: range.end - range.start + 1,
          contentRange: `bytes ${range.start}-${range.end}/${object.sizeBytes}`,
        };
  const matches =
    withoutQuotes(etag) === withoutQuotes(object.etag) &&
    answer.status === wanted.status &&
    Number(length) === wanted.sizeBytes &&
    contentRange === wanted.contentRange;
  if (matches) return answer.body;
  answer.body.destroy();
  throw unavailable('storage', new Error('GetObject answered with another object or range'));
}

/** The bytes of `readObject`; fails if there are too many or too few. */
export async function* readBytes(...of: Parameters<typeof readObject>): AsyncGenerator<Uint8Array> {
  const [, object, range = null] = of;
  let left = range === null ? object.sizeBytes : range.end - range.start + 1;
  const body = await readObject(...of);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw unavailable('storage', error);
  }
  if (left !== 0) throw unavailable('storage', new Error('GetObject ended early'));
}

function withoutQuotes(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

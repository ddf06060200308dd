import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { unavailable } from '../contract/errors.ts';
import { isGone, objectChanged } from './bucket-errors.ts';

/** Identifies one version of an object. */
export type ReadableObject = { key: string; etag: string; versionId: string | null; sizeBytes: number };

/** A byte range, both ends included. */
export type Stretch = { start: number; end: number };

/** Request parameters that match this version only, not a later one under the same key. */
export function onlyThisVersion({ key, etag, versionId }: Pick<ReadableObject, 'key' | 'etag' | 'versionId'>) {
  return { Key: key, ...(versionId === null ? { IfMatch: etag } : { VersionId: versionId }) };
}

/**
 * GetObject: an object's bytes, or a non-empty range of them. The answer's ETag, length and range are checked.
 * @param signal aborts the request and the reading.
 * @returns a stream that fails if bytes are missing.
 * @throws {Problem} `storage-unavailable`; `conflict` if the object was replaced or removed.
 */
export async function readObject(
  client: S3Client,
  bucketName: string,
  object: ReadableObject,
  stretch: Stretch | null = null,
): Promise<Readable> {
  const command = new GetObjectCommand({
    ...{ Bucket: bucketName, ...onlyThisVersion(object) },
    ...(stretch !== null && { Range: `bytes=${stretch.start}-${stretch.end}` }),
  });
  const answer = await client.send(command).catch((error: unknown) => {
    throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
  });
  const { Body, ETag = '', ContentLength, ContentRange, $metadata } = answer;
  if (!(Body instanceof Readable)) throw unavailable('storage', new Error('GetObject gave no body'));
  const wanted =
    stretch === null
      ? { status: 200, sizeBytes: object.sizeBytes, range: undefined }
      : {
          status: 206,
          sizeBytes: stretch.end - stretch.start + 1,
          range: `bytes ${stretch.start}-${stretch.end}/${object.sizeBytes}`,
        };
  const matches =
    withoutQuotes(ETag) === withoutQuotes(object.etag) &&
    $metadata.httpStatusCode === wanted.status &&
    ContentLength === wanted.sizeBytes &&
    ContentRange === wanted.range;
  if (matches) return Body;
  Body.destroy();
  throw unavailable('storage', new Error('GetObject answered with another object or range'));
}

/** The bytes of `readObject`; fails if there are too many or too few. */
export async function* readBytes(...of: Parameters<typeof readObject>): AsyncGenerator<Uint8Array> {
  const [, , object, stretch = null] = of;
  let left = stretch === null ? object.sizeBytes : stretch.end - stretch.start + 1;
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

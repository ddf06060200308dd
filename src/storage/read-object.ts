import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { unavailable } from '../contract/errors.ts';
import { isGone, objectChanged } from './bucket-errors.ts';

/** Enough of an object to read it and no other. */
export type ReadableObject = { key: string; etag: string; versionId: string | null; sizeBytes: number };

/** A stretch of bytes, both ends included. */
export type Stretch = { start: number; end: number };

/** This object and no later one under the same key. */
export function exactly({ key, etag, versionId }: Pick<ReadableObject, 'key' | 'etag' | 'versionId'>) {
  return { Key: key, ...(versionId === null ? { IfMatch: etag } : { VersionId: versionId }) };
}

/**
 * GetObject: an object's bytes, or a stretch of them that is not empty. What comes is what was asked for, or an error:
 * of this ETag, of this length, and from this place.
 * @param signal ends the waiting, and the reading.
 * @returns a stream that ends early with an error when bytes are missing.
 * @throws {Problem} `storage-unavailable`; `conflict` when the object changed, or is gone.
 */
export async function readObject(
  client: S3Client,
  bucketName: string,
  object: ReadableObject,
  stretch: Stretch | null = null,
): Promise<Readable> {
  const command = new GetObjectCommand({
    ...{ Bucket: bucketName, ...exactly(object) },
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
  const isAsWanted =
    bare(ETag) === bare(object.etag) &&
    $metadata.httpStatusCode === wanted.status &&
    ContentLength === wanted.sizeBytes &&
    ContentRange === wanted.range;
  if (isAsWanted) return Body;
  Body.destroy();
  throw unavailable('storage', new Error('the answer to GetObject is not what was asked for'));
}

/** The bytes of `readObject`, as many as they have to be. */
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
  if (left !== 0) throw unavailable('storage', new Error('the bytes of GetObject ended early'));
}

function bare(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

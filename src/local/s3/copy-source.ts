import { checksumNodes } from './checksums/checksum-headers.ts';
import { SOURCE_KEY_HEADERS } from './encryption/key-of-request.ts';
import { isNotModified } from './preconditions.ts';
import type { S3Answer, S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import type { ObjectRecord } from './store/object-record.ts';
import { readVersioning } from './store/versioning.ts';
import { xmlAnswer } from './xml-body.ts';

const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

/** `versionId` is null for the current object. */
export type CopySource = { bucket: string; key: string; versionId: string | null };

/** The request headers that this module reads. */
export const COPY_SOURCE_HEADERS: readonly string[] = [
  'x-amz-copy-source',
  ...CONDITIONS.map((name) => `x-amz-copy-source-${name}`),
  ...SOURCE_KEY_HEADERS,
];

/**
 * The object that `x-amz-copy-source` names: `bucket/key`, URL-encoded, with or without a leading slash, and with
 * `?versionId=` a version of it. Throws InvalidArgument.
 */
export function readCopySource(request: S3Request): CopySource {
  const text = request.headers.get('x-amz-copy-source') ?? '';
  const [path = '', query = '', ...others] = text.split('?');
  const [, versionId = null] = /^versionId=([^&]*)$/.exec(query) ?? [];
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decode(path)) ?? [];
  const isValid = others.length === 0 && (query === '' || versionId !== null);
  if (bucket !== undefined && key !== undefined && isValid) return { bucket, key, versionId };
  throw invalidSource(text);
}

/** Throws PreconditionFailed if the source does not meet the `x-amz-copy-source-if-…` headers. */
export function requireCopyConditions(request: S3Request, source: ObjectRecord): void {
  const conditions = CONDITIONS.flatMap((name): [string, string][] => {
    const value = request.headers.get(`x-amz-copy-source-${name}`);
    return value === undefined ? [] : [[name, value]];
  });
  if (isNotModified(new Map(conditions), source)) throw new S3Error('PreconditionFailed');
}

/** The answer to a copy, with the version of its source. */
export async function describeCopy(
  { store }: S3Call,
  root: 'CopyObjectResult' | 'CopyPartResult',
  copy: Pick<ObjectRecord, 'lastModified' | 'etag' | 'checksum'> & { from: CopySource; source: ObjectRecord },
): Promise<S3Answer> {
  const { from, source, lastModified, etag, checksum } = copy;
  const answer = xmlAnswer(root, [['LastModified', lastModified], ['ETag', etag], ...checksumNodes(checksum)]);
  const hasVersions = (await readVersioning(store, from.bucket)) !== null;
  const version: [string, string][] = hasVersions ? [['x-amz-copy-source-version-id', source.versionId]] : [];
  return { ...answer, headers: [...answer.headers, ...version] };
}

function decode(path: string): string {
  try {
    // A header's text has one character per byte.
    return decodeURIComponent(Buffer.from(path, 'latin1').toString());
  } catch {
    throw invalidSource(path);
  }
}

function invalidSource(text: string): S3Error {
  return new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey', {
    ArgumentName: 'x-amz-copy-source',
    ArgumentValue: text,
  });
}

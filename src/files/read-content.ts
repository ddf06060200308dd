import { Readable } from 'node:stream';
import { recordRefusals } from '../audit/record-refusals.ts';
import type { Caller } from '../auth/caller.ts';
import { Problem } from '../errors.ts';
import { essence } from '../media-type.ts';
import type { Bucket } from '../storage/bucket.ts';
import { type Disposition, toContentDisposition } from './content-disposition.ts';
import { type FindActiveServices, findActive } from './find-active.ts';
import { type ByteRange, parseRange } from './parse-range.ts';

export type ReadContentServices = FindActiveServices & { bucket: Pick<Bucket, 'read'> };

/** The headers of a request that say what of a file is wanted, as they arrived. */
export type ContentRequest = {
  range?: string | undefined;
  ifRange?: string | undefined;
  ifNoneMatch?: string | undefined;
  /** HEAD: the headers alone, and nothing is read. */
  headersOnly?: boolean;
};

/**
 * The bytes of a file through the service, or the range of them that is asked for; each reading is in the audit log.
 * The verified object and no later one: what changed under its key is a `conflict`.
 * @returns 200, 206 or 304 (RFC 9110), its headers, and the bytes, which stop with the reader; null without any.
 * @throws {Problem} `file-not-found`, `conflict` while it is archived, `range-not-satisfiable`, `storage-unavailable`,
 * `database-unavailable`.
 */
export function readContent(
  services: ReadContentServices,
  caller: Caller,
  { fileId, disposition = 'attachment' }: { fileId: string; disposition?: Disposition | undefined },
  { range, ifRange, ifNoneMatch, headersOnly = false }: ContentRequest,
): Promise<{ status: 200 | 206 | 304; headers: Record<string, string>; bytes: ReadableStream | null }> {
  return recordRefusals(services, caller, 'download.content', { fileId }, async () => {
    const row = await findActive(services, caller, { fileId }, 'download.content');
    const { etag, versionId, sizeBytes } = row;
    const headers = { etag, 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff' };
    if (ifNoneMatch?.split(/, */).includes(etag)) return { status: 304, headers, bytes: null };

    const wanted = ifRange === undefined || ifRange === etag ? parseRange(range, sizeBytes) : null;
    if (wanted === 'unsatisfiable') {
      throw new Problem('range-not-satisfiable', `the file has ${sizeBytes} bytes`, {
        headers: { 'content-range': `bytes */${sizeBytes}` },
      });
    }
    const object = { key: row.storedKey ?? row.objectKey, etag, versionId, sizeBytes };
    const read = async (stretch?: ByteRange) =>
      Readable.toWeb(await services.bucket.read(object, stretch)) as ReadableStream;
    const described = {
      ...headers,
      'content-type': row.contentType,
      'content-disposition': toContentDisposition(disposition, row.fileName, essence(row.contentType)),
    };
    if (wanted === null) {
      const bytes = headersOnly ? null : await read();
      return { status: 200, headers: { ...described, 'content-length': String(sizeBytes) }, bytes };
    }
    const { start, end } = wanted;
    const part = { 'content-range': `bytes ${start}-${end}/${sizeBytes}`, 'content-length': String(end - start + 1) };
    const bytes = headersOnly ? null : await read(wanted);
    return { status: 206, headers: { ...described, ...part }, bytes };
  });
}

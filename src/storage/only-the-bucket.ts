import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Headers that S3 and its like send and nobody else: the id of the request (AWS, Ceph, MinIO, B2 and most others have it
 * in every answer), the object's metadata and version, and Google's. Not `x-amz-cf-id` and its kind: CloudFront has
 * those on error pages of its own.
 */
const MARKS = /^(x-amz-(request-id|id-2|version-id|meta-.+)|x-goog-.+|x-guploader-uploadid)$/;

const XML = /^(application|text)\/xml\b/;

/** An answer in place of the bucket's: a proxy's page, a captive portal, another server. It says nothing. */
export class UnmarkedAnswer extends Error {
  override name = 'UnmarkedAnswer';
  readonly method: string;
  readonly status: number;

  constructor(method: string, status: number) {
    super(`the answer to ${method}, a ${status}, has nothing in it that only a bucket says`);
    this.method = method;
    this.status = status;
  }
}

/**
 * Makes the client throw an `UnmarkedAnswer` for whatever is not certainly of a bucket: nothing may be removed, nor told
 * to be missing, because something in between answered. An answer counts by its headers (`MARKS`); by its XML, whose
 * elements whoever asked looks at; or, for the bytes of an object, by an ETag, which has to be the right one. Some
 * stores (Cloudflare R2) mark no answer without a body: who has one of those must ask for more.
 */
export function believeOnlyTheBucket(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (!isHttpAnswer(result.response) || !isHttpRequest(args.request)) return result;
      const { method } = args.request;
      const { statusCode, headers, body } = result.response;
      // An error of 500 or more is one, whoever sent it; and is tried again.
      if (statusCode >= 500 || Object.keys(headers).some((name) => MARKS.test(name.toLowerCase()))) return result;
      if (isBelievable(method, statusCode, headers)) return result;
      if (body instanceof Readable) body.destroy();
      throw new UnmarkedAnswer(method, statusCode);
    },
    { step: 'deserialize', priority: 'low', name: 'believeOnlyTheBucket' },
  );
}

function isBelievable(method: string, status: number, headers: Readonly<Record<string, string>>): boolean {
  const type = headers['content-type'] ?? '';
  if (method === 'HEAD' || status === 204) return false;
  if (XML.test(type)) return method !== 'DELETE' || status >= 400;
  return (method === 'GET' || method === 'PUT') && status < 300 && headers.etag !== undefined && !/html/i.test(type);
}

function isHttpAnswer(
  value: unknown,
): value is { statusCode: number; headers: Readonly<Record<string, string>>; body?: unknown } {
  return typeof value === 'object' && value !== null && 'statusCode' in value && 'headers' in value;
}

function isHttpRequest(value: unknown): value is { method: string } {
  return typeof value === 'object' && value !== null && 'method' in value;
}

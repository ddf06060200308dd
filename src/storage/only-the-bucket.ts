import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Headers that only S3 and compatible stores send: the request id (AWS, Ceph, MinIO, B2 and most others send it in
 * every answer), the object's metadata and version, and Google's. Not `x-amz-cf-id` and the like: CloudFront sends them
 * on its own error pages.
 */
const MARKS = /^(x-amz-(request-id|id-2|version-id|meta-.+)|x-goog-.+|x-guploader-uploadid)$/;

const XML = /^(application|text)\/xml\b/;

/** An answer that did not come from the bucket: a proxy's page, a captive portal, another server. */
export class UnmarkedAnswer extends Error {
  override name = 'UnmarkedAnswer';
  readonly method: string;
  readonly status: number;

  constructor(method: string, status: number) {
    super(`the answer to ${method}, a ${status}, may not come from the bucket: it has no S3 header`);
    this.method = method;
    this.status = status;
  }
}

/**
 * Whether an answer comes from a bucket, so that nothing is removed or reported missing because a proxy answered. An
 * answer is accepted for its headers (`MARKS`); for its XML, whose elements the caller checks; or, for an object's
 * bytes, for an ETag, which must be the right one. Some stores (Cloudflare R2) mark no answer without a body: the
 * caller must then send another request.
 */
export function isOfBucket(method: string, status: number, headers: Readonly<Record<string, string>>): boolean {
  // A status of 500 or more is an error from any sender, and is retried.
  if (status >= 500 || Object.keys(headers).some((name) => MARKS.test(name.toLowerCase()))) return true;
  const type = headers['content-type'] ?? '';
  if (method === 'HEAD' || status === 204) return false;
  if (XML.test(type)) return method !== 'DELETE' || status >= 400;
  return (method === 'GET' || method === 'PUT') && status < 300 && headers.etag !== undefined && !/html/i.test(type);
}

/** Makes the client throw an `UnmarkedAnswer` for an answer that is not `isOfBucket`. */
export function believeOnlyTheBucket(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (!isHttpAnswer(result.response) || !isHttpRequest(args.request)) return result;
      const { method } = args.request;
      const { statusCode, headers, body } = result.response;
      if (isOfBucket(method, statusCode, headers)) return result;
      if (body instanceof Readable) body.destroy();
      throw new UnmarkedAnswer(method, statusCode);
    },
    { step: 'deserialize', priority: 'low', name: 'believeOnlyTheBucket' },
  );
}

function isHttpAnswer(
  value: unknown,
): value is { statusCode: number; headers: Readonly<Record<string, string>>; body?: unknown } {
  return typeof value === 'object' && value !== null && 'statusCode' in value && 'headers' in value;
}

function isHttpRequest(value: unknown): value is { method: string } {
  return typeof value === 'object' && value !== null && 'method' in value;
}

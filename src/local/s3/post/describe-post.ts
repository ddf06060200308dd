import type { S3Answer } from '../s3-call.ts';
import type { S3Request } from '../s3-request.ts';
import type { ObjectRecord } from '../store/object-record.ts';
import { renderXml } from '../xml-body.ts';

/**
 * The answer to a form: a redirect if `success_action_redirect` is a URL; otherwise the status in
 * `success_action_status`: 200, 201 (with a document) or 204, the default.
 */
export function describePost(
  request: S3Request,
  fields: ReadonlyMap<string, string>,
  { key, etag }: Pick<ObjectRecord, 'key' | 'etag'>,
): S3Answer {
  const { bucket } = request;
  const redirect = readRedirect(fields.get('success_action_redirect') ?? fields.get('redirect') ?? '');
  if (redirect !== null) {
    for (const [name, value] of Object.entries({ bucket, key, etag })) redirect.searchParams.append(name, value);
    return { status: 303, headers: [['location', redirect.href]] };
  }
  const path = key.split('/').map(encodeURIComponent).join('/');
  const location = `http://${request.headers.get('host') ?? ''}/${bucket}/${path}`;
  const headers: [string, string][] = [
    ['etag', etag],
    ['location', location],
  ];
  const status = fields.get('success_action_status');
  if (status !== '201') return { status: status === '200' ? 200 : 204, headers };
  const body = renderXml('PostResponse', [
    ['Location', location],
    ['Bucket', bucket],
    ['Key', key],
    ['ETag', etag],
  ]);
  return { status: 201, headers: [...headers, ['content-type', 'application/xml']], body };
}

/** S3 ignores a value that is not a URL. */
function readRedirect(text: string): URL | null {
  return /^https?:/i.test(text) && URL.canParse(text) ? new URL(text) : null;
}

import * as z from 'zod';
import { contentTypePattern, readAs } from '../../contract/fields.ts';
import { jsonText } from '../../contract/json-text.ts';
import { LABEL_PATTERN } from '../../contract/object-key.ts';
import { MAX_OBJECT_BYTES, MAX_PUT_BYTES, MAX_URL_TTL_SECONDS, MIN_PART_BYTES } from '../../contract/s3-limits.ts';
import { parseClamdUrl } from '../../net/clamd.ts';
import { flag, integer, list, secret } from './kinds.ts';
import { MIN_SECRET_BYTES } from './secrets.ts';

const uploadPolicy = z.strictObject({
  maxBytes: z.int().min(0).max(MAX_OBJECT_BYTES).optional(),
  contentTypes: z.array(contentTypePattern).min(1).optional(),
  hold: z.boolean().optional(),
});
const urlTtlSeconds = integer(1, MAX_URL_TTL_SECONDS, 'seconds').default(300);

export const uploadSettings = {
  UPLOAD_ID_SECRET: secret
    .refine((text) => Buffer.byteLength(text) >= MIN_SECRET_BYTES, `must have at least ${MIN_SECRET_BYTES} bytes`)
    .optional()
    .meta({
      description:
        'Authenticates the ids of uploads that the service gives to clients: at least 32 bytes; several as in ' +
        '`JWT_SECRET`. In production it or one of its two fallbacks is required. Without its old secret, an open ' +
        'upload in parts is no longer found.',
      fallback: 'derived from `JWT_SECRET`, else from a static `AWS_SECRET_ACCESS_KEY` (without a session token)',
    }),
  UPLOAD_URL_TTL_SECONDS: urlTtlSeconds.meta({ description: 'How long presigned uploads stay valid.' }),
  DOWNLOAD_URL_TTL_SECONDS: urlTtlSeconds.meta({ description: 'How long presigned downloads stay valid.' }),
  DOWNLOAD_URL_CACHE_SECONDS: integer(0, MAX_URL_TTL_SECONDS / 2, 'seconds')
    .default(0)
    .meta({
      description:
        'The window in which a presigned download stays the same URL, so that caches recognise it; each URL is ' +
        'valid that much longer. 0: off.',
    }),
  MAX_UPLOAD_BYTES: integer(0, MAX_OBJECT_BYTES, 'bytes')
    .default(5 * 1024 ** 3)
    .meta({ description: 'Size of the largest file.' }),
  MULTIPART_THRESHOLD_BYTES: integer(0, MAX_PUT_BYTES, 'bytes')
    .default(100 * 1024 ** 2)
    .meta({ description: 'Files larger than this are uploaded in parts unless the client says otherwise.' }),
  MULTIPART_PART_BYTES: integer(MIN_PART_BYTES, MAX_PUT_BYTES, 'bytes')
    .default(8 * 1024 ** 2)
    .meta({ description: 'Size of a part; larger where a file would need over 10,000 parts.' }),
  ALLOWED_CONTENT_TYPES: list
    .pipe(z.array(contentTypePattern).min(1))
    .default(['*/*'])
    .meta({
      description:
        'Comma-separated media types or patterns (`image/*,application/pdf`); other names of a type count as well. ' +
        'See [content types](content-types.md).',
    }),
  UPLOAD_POLICIES: jsonText
    .pipe(z.record(z.string().regex(LABEL_PATTERN, 'has a name that is not a document type'), uploadPolicy))
    .default({})
    .meta({
      description:
        'JSON: limits for each document type that narrow `MAX_UPLOAD_BYTES` and `ALLOWED_CONTENT_TYPES`, and `hold`, ' +
        'which stands for `HOLD_UPLOADS` there.',
      example: '{"id":{"maxBytes":10485760,"contentTypes":["image/*","application/pdf"]}}',
    }),
  HOLD_UPLOADS: flag.default(false).meta({
    description:
      '`true`: a confirmed file is `held` and cannot be downloaded until a verdict says that it is clean. See ' +
      '[held files](scanning.md). `UPLOAD_POLICIES` can say otherwise for a document type.',
  }),
  SCAN: readAs(parseClamdUrl, 'must be clamd://host:port, or clamd:///path/of/the.socket')
    .optional()
    .meta({
      description:
        'ClamAV, as `clamd://host:port` or `clamd:///run/clamav/clamd.ctl`: scans held files and decides on them. ' +
        'Needs `HOLD_UPLOADS` or a policy with `hold`. See [held files](scanning.md#clamav).',
      fallback: 'held files wait for other judges',
      example: 'clamd://127.0.0.1:3310',
    }),
  QUOTA_BYTES: integer(0, Number.MAX_SAFE_INTEGER, 'bytes').optional().meta({
    description: "Maximum total size of a user's files: exact when confirming; presigning refuses what cannot fit.",
    fallback: 'no limit',
    example: '10737418240',
  }),
  QUOTA_FILES: integer(0, Number.MAX_SAFE_INTEGER).optional().meta({
    description: 'How many files each user may have: exact when confirming; presigning refuses what cannot fit.',
    fallback: 'no limit',
    example: '100000',
  }),
  DELETE_AFTER_SECONDS: integer(0, 10 * 365 * 86_400, 'seconds')
    .default(0)
    .meta({ description: 'How long the object of a deleted file is kept; 0: it is removed in the same call.' }),
  PROXY_DOWNLOADS: z
    .enum(['true', 'false', 'only'])
    .default('false')
    .transform((text) => (text === 'only' ? text : text === 'true'))
    .meta({
      description:
        '`true`: `GET /files/{fileId}/content` sends the bytes through the service, with each read in the audit log: ' +
        'for data whose every read must be recorded. A presigned URL is one event, however often it is used. `only`: ' +
        'there are no presigned downloads, and `/download` leads to `/content`.',
    }),
};

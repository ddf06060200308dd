import * as z from 'zod';
import { PROVIDERS } from '../store-traits.ts';
import { baseUrl, flag, text } from './kinds.ts';

export const bucketSettings = {
  S3_BUCKET_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,255}$/, "must be a bucket's name, not an ARN or a URL")
    .optional()
    .meta({
      description: 'Name of the bucket. Required in production.',
      fallback: 'the embedded bucket',
      example: 'my-uploads',
    }),
  AWS_REGION: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'must be the name of a region, like eu-central-1')
    .optional()
    .meta({
      description: 'Region of the bucket. Required with a bucket on AWS.',
      fallback: '`us-east-1` where `S3_ENDPOINT` is set',
      example: 'eu-central-1',
    }),
  AWS_ACCESS_KEY_ID: text.optional().meta({
    description: 'Static credentials, with `AWS_SECRET_ACCESS_KEY`: both or neither.',
    fallback: "the AWS SDK's own chain (profile, container, instance, web identity)",
  }),
  AWS_SECRET_ACCESS_KEY: text.optional().meta({ description: 'The secret of `AWS_ACCESS_KEY_ID`.' }),
  AWS_SESSION_TOKEN: text.optional().meta({ description: 'For temporary static credentials.' }),
  AWS_CREDENTIAL_EXPIRATION: z.iso.datetime({ offset: true }).optional().meta({
    description: 'When temporary static credentials expire (ISO 8601): no URL is valid for longer.',
    example: '2026-12-31T12:00:00Z',
  }),
  S3_ENDPOINT: baseUrl.optional().meta({
    description: 'URL of an S3-compatible store, as this service reaches it.',
    fallback: 'AWS',
    example: 'https://s3.example.com',
  }),
  S3_PUBLIC_ENDPOINT: baseUrl.optional().meta({
    description: 'The same store (or the embedded one) as clients reach it, signed into their URLs.',
    fallback: '`S3_ENDPOINT`',
    example: 'https://files.example.com',
  }),
  S3_FORCE_PATH_STYLE: flag
    .default(false)
    .meta({ description: '`true`: `https://host/bucket/key` instead of `https://bucket.host/key`.' }),
  S3_PROVIDER: z
    .enum(PROVIDERS)
    .optional()
    .meta({
      description:
        `The store, which decides the features used: ${PROVIDERS.map((name) => `\`${name}\``).join(', ')}. Each of ` +
        'the next three settings overrides one trait. See [stores](deploying.md#stores).',
      fallback: 'guessed from the host of `S3_ENDPOINT`; `other` for an unknown host',
      example: 'other',
    }),
  S3_POST_POLICY: flag.optional().meta({
    description: 'Whether the store supports POST policies (HTML forms); Cloudflare R2, for example, does not.',
    fallback: '`true`; `false` for an `S3_PROVIDER` without them',
    example: 'true',
  }),
  FREEZE_UPLOADS: z
    .enum(['post', 'all'])
    .optional()
    .meta({
      description:
        'Which verified uploads are copied to a key without a signed URL, so that the file cannot change after ' +
        'verification: `post` (a form can be sent again until it expires), or `all`, for a store that ignores ' +
        '`If-None-Match` on PUT.',
      fallback: '`post`; `all` for an `S3_PROVIDER` without `If-None-Match` on PUT',
      example: 'post',
    }),
  S3_SIGN_ABSENT_HEADERS: flag.optional().meta({
    description:
      '`true` for a store that accepts unsigned `x-amz-*` headers (Ceph): the harmful ones, ' +
      '`x-amz-copy-source` above all, are signed as absent. `npm run doctor` says whether it is needed. AWS refuses ' +
      'such headers by itself, and would refuse such URLs.',
    fallback: '`false`; `true` for `S3_PROVIDER=ceph`',
    example: 'false',
  }),
  S3_USE_ACCELERATE_ENDPOINT: flag.default(false).meta({
    description:
      '`true`: sign for `bucket.s3-accelerate.amazonaws.com`; the bucket must have Transfer Acceleration on.',
  }),
  AWS_USE_DUALSTACK_ENDPOINT: flag
    .default(false)
    .meta({ description: '`true`: sign for the endpoint that answers on IPv6 as well.' }),
  KEY_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/, 'must be path segments of [A-Za-z0-9._-], each followed by /')
    .max(256)
    .default('')
    .meta({
      description:
        'Prefix of every object key: path segments of `[A-Za-z0-9._-]`, each followed by `/`, at most 256 ' +
        'characters.',
      example: 'uploads/',
    }),
  PUBLIC_BASE_URL: baseUrl.optional().meta({
    description: 'Public bucket or CDN in front of it: answers then carry `publicFileUrl`.',
    example: 'https://cdn.example.com',
  }),
};

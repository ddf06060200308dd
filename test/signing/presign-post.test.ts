import { S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { presignPost } from '../../src/signing/presign-post.ts';
import { resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';

const ENDPOINTS = [
  { bucket: 'uploads', region: 'eu-central-1' },
  { bucket: 'uploads', region: 'us-east-1', endpoint: 'http://127.0.0.1:7480', forcePathStyle: true },
  { bucket: 'up.loads', region: 'us-west-2', useDualstackEndpoint: true },
];

/** The time in a form's own `X-Amz-Date`. */
function timeOf(date: string): Date {
  return new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

describe('presignPost', () => {
  it.each(ENDPOINTS)('signs the form that the AWS SDK signs, for $bucket in $region', async (options) => {
    const endpoint = await resolveEndpoint(options);
    const text = fc.string({ unit: 'grapheme', maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.option(text, { nil: undefined }),
        fc.nat(2 ** 40),
        fc.integer({ min: 1, max: 604_800 }),
        async (value, token, size, seconds) => {
          const credentials = {
            accessKeyId: 'AKIA',
            secretAccessKey: `s${value}`,
            ...(token && { sessionToken: token }),
          };
          const client = new S3Client({ ...options, credentials });
          const fields = { 'Content-Type': 'text/plain', 'x-amz-meta-a': value };
          const key = 'alice/_/_/x/a.txt';
          const sdk = await createPresignedPost(client, {
            Bucket: options.bucket,
            Key: key,
            Fields: fields,
            Expires: seconds,
            Conditions: [['content-length-range', size, size]],
          });
          const now = timeOf(sdk.fields['X-Amz-Date'] ?? '');
          const own = presignPost(
            endpoint,
            credentials,
            { key, fields, sizes: [size, size], expiresInSeconds: seconds },
            now,
          );
          const policies = [own.fields, sdk.fields].map(({ Policy = '' }) =>
            JSON.parse(Buffer.from(Policy, 'base64').toString()),
          );
          expect(policies[0].conditions).toEqual(policies[1].conditions);
          // Its clock has milliseconds, ours only what X-Amz-Date says.
          expect(Math.abs(Date.parse(policies[0].expiration) - Date.parse(policies[1].expiration))).toBeLessThanOrEqual(
            1000,
          );
          if (policies[0].expiration === policies[1].expiration) expect(own.fields).toEqual(sdk.fields);
          expect(own.url.replace(/\/$/, '')).toBe(sdk.url.replace(/\/$/, ''));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('ends with the credentials, and refuses a lifetime out of bounds', async () => {
    const endpoint = await resolveEndpoint({ bucket: 'uploads', region: 'eu-central-1' });
    const now = new Date('2026-11-20T12:00:00.500Z');
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b', expiration: new Date('2026-11-20T12:01:00.700Z') };
    const form = { key: 'k', fields: {}, sizes: [1, 1] as const, expiresInSeconds: 300 };
    expect(presignPost(endpoint, credentials, form, now).expiresAt.toISOString()).toBe('2026-11-20T12:01:00.000Z');
    for (const expiresInSeconds of [0, 604_801, 1.5]) {
      expect(() => presignPost(endpoint, credentials, { ...form, expiresInSeconds }, now)).toThrow(RangeError);
    }
  });
});

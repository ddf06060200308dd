import {
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../src/signing/credentials.ts';
import { presignGet } from '../../src/signing/presign-get.ts';
import { presignPut } from '../../src/signing/presign-put.ts';
import { presignUrl } from '../../src/signing/presign-url.ts';
import { type EndpointOptions, resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';
import { key, PLACES, signer, text } from './any-request.ts';

const spaced = fc
  .tuple(fc.constantFrom('', ' ', '  ', '\t '), text, fc.constantFrom('', ' ', ' \t '))
  .map((t) => t.join(''));
const base64 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const metadataName = fc.stringMatching(/^[a-z0-9-]{1,32}$/);

const common = {
  ...signer,
  key,
  expiresInSeconds: fc.integer({ min: 1, max: 604_800 }),
};

const sse = fc.constantFrom(
  {},
  { ServerSideEncryption: 'AES256' } as const,
  {
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  } as const,
);

/** What the SDK sends for such an input, under the names of the headers. */
const HEADER_OF = {
  ContentLength: 'content-length',
  ContentType: 'content-type',
  IfNoneMatch: 'if-none-match',
  ChecksumSHA256: 'x-amz-checksum-sha256',
  ServerSideEncryption: 'x-amz-server-side-encryption',
  SSEKMSKeyId: 'x-amz-server-side-encryption-aws-kms-key-id',
} as const;

function headersOf(input: Omit<PutObjectCommandInput, 'Bucket' | 'Key'>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [member, header] of Object.entries(HEADER_OF)) {
    const value = input[member as keyof typeof HEADER_OF];
    if (value !== undefined) headers[header] = String(value);
  }
  for (const [name, value] of Object.entries(input.Metadata ?? {})) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

function clientFor(place: EndpointOptions, credentials: Credentials): S3Client {
  const { bucket: _, ...options } = place;
  return new S3Client({
    ...options,
    credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

function withToken(given: { accessKeyId: string; secretAccessKey: string; sessionToken: string | null }): Credentials {
  const { sessionToken, ...credentials } = given;
  return sessionToken === null ? credentials : { ...credentials, sessionToken };
}

const endpoints = new Map(
  await Promise.all(PLACES.map(async (place) => [place, await resolveEndpoint(place)] as const)),
);

function endpointOf(place: EndpointOptions) {
  const endpoint = endpoints.get(place);
  if (endpoint === undefined) throw new Error('a place that was not resolved');
  return endpoint;
}

describe('our URLs are those of the AWS SDK, byte for byte', () => {
  it('for PutObject', async () => {
    const uploads = fc.record({
      ...common,
      sse,
      input: fc.record(
        {
          ContentLength: fc.integer({ min: 0, max: 5 * 2 ** 40 }),
          ContentType: spaced.filter((type) => type !== ''),
          IfNoneMatch: fc.constant('*'),
          ChecksumSHA256: base64,
          Metadata: fc.dictionary(metadataName, spaced, { maxKeys: 10, noNullPrototype: true }),
        },
        { requiredKeys: [] },
      ),
    });
    await fc.assert(
      fc.asyncProperty(uploads, async ({ place, key, credentials: given, now, expiresInSeconds, sse, input }) => {
        const credentials = withToken(given);
        const members = { ...input, ...sse };
        const headers = headersOf(members);
        const sdkUrl = await getSignedUrl(
          clientFor(place, credentials),
          new PutObjectCommand({ Bucket: place.bucket, Key: key, ...members }),
          {
            expiresIn: expiresInSeconds,
            signingDate: now,
            signableHeaders: new Set('content-type' in headers ? ['content-type'] : []),
            unhoistableHeaders: new Set(Object.keys(headers)),
          },
        );
        const own = presignPut(endpointOf(place), credentials, { key, headers, expiresInSeconds }, now);
        expect(own.url).toBe(sdkUrl);
      }),
      { numRuns: 500 },
    );
  });

  it('for GetObject', async () => {
    const query = fc.record({ disposition: text, type: text, versionId: text }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(fc.record({ ...common, query }), async (download) => {
        const { place, key, credentials: given, now, expiresInSeconds } = download;
        const credentials = withToken(given);
        const { disposition, type, versionId } = download.query;
        const sdkUrl = await getSignedUrl(
          clientFor(place, credentials),
          new GetObjectCommand({
            Bucket: place.bucket,
            Key: key,
            ...(disposition !== undefined && { ResponseContentDisposition: disposition }),
            ...(type !== undefined && { ResponseContentType: type }),
            ...(versionId !== undefined && { VersionId: versionId }),
          }),
          { expiresIn: expiresInSeconds, signingDate: now },
        );
        const ownQuery = {
          ...(disposition !== undefined && { 'response-content-disposition': disposition }),
          ...(type !== undefined && { 'response-content-type': type }),
          ...(versionId !== undefined && { versionId }),
        };
        const own = presignGet(endpointOf(place), credentials, { key, query: ownQuery, expiresInSeconds }, now);
        expect(own.url).toBe(sdkUrl);
      }),
      { numRuns: 500 },
    );
  });

  it('for UploadPart', async () => {
    const parts = fc.record({
      ...common,
      uploadId: text.filter((id) => id !== ''),
      partNumber: fc.integer({ min: 1, max: 10_000 }),
      sizeBytes: fc.integer({ min: 0, max: 5 * 2 ** 30 }),
    });
    await fc.assert(
      fc.asyncProperty(parts, async (part) => {
        const { place, key, credentials: given, now, expiresInSeconds, uploadId, partNumber, sizeBytes } = part;
        const credentials = withToken(given);
        const sdkUrl = await getSignedUrl(
          clientFor(place, credentials),
          new UploadPartCommand({
            Bucket: place.bucket,
            Key: key,
            UploadId: uploadId,
            PartNumber: partNumber,
            ContentLength: sizeBytes,
          }),
          { expiresIn: expiresInSeconds, signingDate: now },
        );
        const query = { partNumber: String(partNumber), uploadId, 'x-id': 'UploadPart' };
        const headers = { 'content-length': String(sizeBytes) };
        const request = { method: 'PUT', key, query, headers, expiresInSeconds } as const;
        expect(presignUrl(endpointOf(place), credentials, request, now).url).toBe(sdkUrl);
      }),
      { numRuns: 500 },
    );
  });
});

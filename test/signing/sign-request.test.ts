import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../src/signing/credentials.ts';
import { type EndpointOptions, resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';
import { type RequestToSign, signRequest } from '../../src/signing/sign-request.ts';
import { key, PLACES, signer, text } from './any-request.ts';

type Sent = { method: string; path: string; query: Record<string, string>; headers: Record<string, string> };
type Command = HeadObjectCommand | GetObjectCommand | DeleteObjectCommand;

/** The request that the SDK would send, with its own date. */
async function sentBySdk(options: EndpointOptions, credentials: Credentials, command: Command): Promise<Sent> {
  const { bucket: _, ...clientOptions } = options;
  const sent: Sent[] = [];
  const client = new S3Client({
    ...clientOptions,
    credentials,
    maxAttempts: 1,
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      handle: async (request: Sent) => {
        sent.push(request);
        throw new Error('kept');
      },
    },
  });
  await expect(client.send(command as GetObjectCommand)).rejects.toThrow('kept');
  client.destroy();
  const [request] = sent;
  if (request === undefined) throw new Error('nothing was sent');
  return request;
}

/** `20130524T000000Z` as a date. */
const toDate = (amzDate = '') => new Date(amzDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z'));

/** Our signature of what the SDK sent, over the headers that it signed. */
async function signedAgain(options: EndpointOptions, credentials: Credentials, key: string, sent: Sent) {
  const signed = /SignedHeaders=([^,]+)/.exec(sent.headers.authorization ?? '')?.[1]?.split(';') ?? [];
  const ours = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];
  const others = signed.filter((name) => !ours.includes(name)).map((name) => [name, sent.headers[name] ?? '']);
  const method = sent.method as RequestToSign['method'];
  const request = { method, key, query: sent.query, headers: Object.fromEntries(others) };
  return signRequest(await resolveEndpoint(options), credentials, request, toDate(sent.headers['x-amz-date']));
}

describe('a request signed in its headers', () => {
  it('has the AWS SDK’s signature, path and headers, for any place, key, version and range', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...signer, key, etag: text, versionId: text.filter((id) => id !== '') }),
        fc.constantFrom('head', 'version', 'range', 'delete', 'delete version'),
        async ({ place, credentials: { sessionToken, ...keys }, key, etag, versionId }, kind) => {
          const where = { Bucket: place.bucket, Key: key };
          const credentials = { ...keys, ...(sessionToken !== null && { sessionToken }) };
          const command = {
            head: () => new HeadObjectCommand({ ...where, ChecksumMode: 'ENABLED' }),
            version: () => new HeadObjectCommand({ ...where, VersionId: versionId }),
            range: () => new GetObjectCommand({ ...where, Range: 'bytes=0-4099', IfMatch: etag }),
            delete: () => new DeleteObjectCommand({ ...where, IfMatch: etag }),
            'delete version': () => new DeleteObjectCommand({ ...where, VersionId: versionId }),
          }[kind]();
          const sent = await sentBySdk({ ...place, useAccelerateEndpoint: false }, credentials, command);
          const { path, headers } = await signedAgain(
            { ...place, useAccelerateEndpoint: false },
            credentials,
            key,
            sent,
          );
          expect(path.split('?')[0]).toBe(sent.path);
          expect(sent.headers).toMatchObject(headers);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has no credential in its path', async () => {
    const endpoint = await resolveEndpoint({ bucket: 'photos', region: 'eu-west-1' });
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };
    const { path, headers } = signRequest(endpoint, credentials, { method: 'HEAD', key: 'a b' }, new Date(0));
    expect(path).toBe('/a%20b');
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/19700101\/eu-west-1\/s3\/aws4_request, /);
  });

  it('is on an object, never on the bucket', async () => {
    const endpoint = await resolveEndpoint(PLACES[0] ?? { bucket: '', region: '' });
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
    expect(() => signRequest(endpoint, credentials, { method: 'DELETE', key: '' }, new Date())).toThrow(RangeError);
  });
});

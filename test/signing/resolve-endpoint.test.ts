import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it } from 'vitest';
import { presignPut } from '../../src/signing/presign-put.ts';
import { type EndpointOptions, requireSameUrl, resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';

const REGION = 'eu-west-1';

describe('resolveEndpoint', () => {
  const styles: [string, Partial<EndpointOptions>, string][] = [
    ['virtual-hosted style', {}, 'https://photos.s3.eu-west-1.amazonaws.com'],
    ['path style', { forcePathStyle: true }, 'https://s3.eu-west-1.amazonaws.com/photos'],
    ['path style for a name with dots', { bucket: 'my.photos' }, 'https://s3.eu-west-1.amazonaws.com/my.photos'],
    ['dual-stack', { useDualstackEndpoint: true }, 'https://photos.s3.dualstack.eu-west-1.amazonaws.com'],
    ['FIPS', { useFipsEndpoint: true }, 'https://photos.s3-fips.eu-west-1.amazonaws.com'],
    ['accelerate', { useAccelerateEndpoint: true }, 'https://photos.s3-accelerate.amazonaws.com'],
    [
      'accelerate over dual-stack',
      { useAccelerateEndpoint: true, useDualstackEndpoint: true },
      'https://photos.s3-accelerate.dualstack.amazonaws.com',
    ],
    [
      'a custom endpoint with a port',
      { endpoint: 'http://127.0.0.1:9000', forcePathStyle: true },
      'http://127.0.0.1:9000/photos',
    ],
    ['an IPv6 endpoint', { endpoint: 'http://[::1]:9000', forcePathStyle: true }, 'http://[::1]:9000/photos'],
    [
      'a custom endpoint with a base path',
      { endpoint: 'https://gateway.example.com/s3/eu/', forcePathStyle: true },
      'https://gateway.example.com/s3/eu/photos',
    ],
    [
      'a custom endpoint, virtual-hosted, with a port and a base path',
      { endpoint: 'https://s3.example.com:8443/base' },
      'https://photos.s3.example.com:8443/base',
    ],
    [
      'a custom endpoint with the port of its protocol',
      { endpoint: 'https://s3.example.com:443' },
      'https://photos.s3.example.com',
    ],
  ];

  it.each(styles)('knows %s', async (_name, options, expected) => {
    const endpoint = await resolveEndpoint({ bucket: 'photos', region: REGION, ...options });
    expect(`${endpoint.protocol}//${endpoint.host}${endpoint.basePath}`).toBe(expected);
    expect(endpoint).toMatchObject({ region: REGION, service: 's3' });
  });

  it('takes the region from the ARN of an access point', async () => {
    const bucket = 'arn:aws:s3:us-west-2:123456789012:accesspoint/photos';
    expect(await resolveEndpoint({ bucket, region: REGION })).toEqual({
      bucket,
      protocol: 'https:',
      host: 'photos-123456789012.s3-accesspoint.us-west-2.amazonaws.com',
      basePath: '',
      region: 'us-west-2',
      service: 's3',
    });
  });

  it('takes the service from the ARN of an Object Lambda access point', async () => {
    const bucket = 'arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/photos';
    expect(await resolveEndpoint({ bucket, region: REGION })).toMatchObject({ service: 's3-object-lambda' });
  });

  it('signs for the region of aws-global', async () => {
    expect(await resolveEndpoint({ bucket: 'photos', region: 'aws-global' })).toMatchObject({
      host: 'photos.s3.amazonaws.com',
      region: 'us-east-1',
    });
  });

  const refused: [string, Partial<EndpointOptions>, RegExp][] = [
    ['an S3 Express bucket, which wants a session', { bucket: 'photos--euw1-az1--x-s3' }, /S3 Express/],
    [
      'a multi-region access point, which wants SigV4a',
      { bucket: 'arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap' },
      /SigV4a/,
    ],
    ['an endpoint that is no URL for HTTP', { endpoint: 'ftp://s3.example.com' }, /not a valid URI/],
  ];

  it.each(refused)('refuses %s', async (_name, options, reason) => {
    const resolving = resolveEndpoint({ bucket: 'photos', region: REGION, ...options });
    await expect(resolving).rejects.toThrow(/^Cannot sign URLs for bucket/);
    await expect(resolving).rejects.toThrow(reason);
  });
});

describe('requireSameUrl', () => {
  it('names what differs between our URL and one of the SDK with its default settings, without any value', async () => {
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session-token' };
    const signingDate = new Date('2026-11-20T17:00:00Z');
    const command = new PutObjectCommand({ Bucket: 'photos', Key: 'a.txt', Metadata: { source: 'scanner' } });
    const sdkUrl = await getSignedUrl(new S3Client({ region: REGION, credentials }), command, { signingDate });
    const endpoint = await resolveEndpoint({ bucket: 'photos', region: REGION });
    const input = { key: 'a.txt', headers: { 'x-amz-meta-source': 'scanner' }, expiresInSeconds: 900 };
    const own = presignPut(endpoint, credentials, input, signingDate);
    expect(() => requireSameUrl(sdkUrl, own.url)).toThrow(
      /: X-Amz-Signature, X-Amz-SignedHeaders, x-amz-checksum-crc32, x-amz-meta-source, x-amz-sdk-checksum-algorithm$/,
    );
  });

  it('names the host and the path', () => {
    const differing = () => requireSameUrl('https://a.example.com/b?x=1', 'https://b.example.com/c?x=1');
    expect(differing).toThrow(/: host, pathname$/);
  });

  it('finds differences that a URL parser hides', () => {
    expect(() => requireSameUrl('https://a.example.com/?x=%2B', 'https://a.example.com/?x=%2b')).toThrow(/: encoding$/);
  });
});

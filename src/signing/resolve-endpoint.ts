import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { presignGet } from './presign-get.ts';
import { presignPut } from './presign-put.ts';
import type { SigningEndpoint } from './signing-endpoint.ts';
import { encodePath } from './sigv4.ts';

export type EndpointOptions = {
  /** A bucket's name or an access point's ARN. */
  bucket: string;
  region: string;
  /** `http:` or `https:`, optionally with port and base path. Default: AWS, or the SDK's own settings. */
  endpoint?: string;
  forcePathStyle?: boolean;
  useDualstackEndpoint?: boolean;
  useFipsEndpoint?: boolean;
  useAccelerateEndpoint?: boolean;
};

// The probe never leaves the process, so its credentials and time need not be real.
const PROBE_CREDENTIALS = { accessKeyId: 'PROBE', secretAccessKey: 'probe', sessionToken: 'probe+/token==' };
const PROBE_TIME = new Date('2013-05-24T00:00:00Z');
const PROBE_EXPIRES_SECONDS = 60;
const PROBE_KEY = "probe/a b+%é~(1)!'*.txt";
const PROBE_CHECKSUM = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
const PROBE_DISPOSITION = `attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt`;

/**
 * Asks the AWS SDK, once and without the network, where the bucket is (virtual-hosted or path style, custom endpoint,
 * dual-stack, FIPS, accelerate, ARN) and which region and service to sign for, according to its endpoint rules. Checks
 * that this service's signer then makes the same URLs, byte for byte, for a GET and for a PUT with every kind of signed
 * header.
 *
 * Throws an Error with the reason: the SDK refuses the endpoint or bucket name, the bucket does not use plain SigV4 (S3
 * Express needs a session, a multi-region access point SigV4a), or the URLs differ.
 */
export async function resolveEndpoint(options: EndpointOptions): Promise<SigningEndpoint> {
  const sdk = await presignWithSdk(options).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new Error(`Cannot sign URLs for bucket "${options.bucket}": ${reason}`, { cause });
  });
  const endpoint = readEndpoint(options.bucket, sdk.putUrl);
  const input = { key: PROBE_KEY, expiresInSeconds: PROBE_EXPIRES_SECONDS };
  const headers = {
    'content-length': '3',
    'content-type': 'text/plain; charset=utf-8',
    'if-none-match': '*',
    'x-amz-checksum-sha256': PROBE_CHECKSUM,
    'x-amz-meta-probe': ' a  b ',
  };
  const query = { 'response-content-disposition': PROBE_DISPOSITION };
  const put = presignPut(endpoint, PROBE_CREDENTIALS, { ...input, headers }, PROBE_TIME);
  const get = presignGet(endpoint, PROBE_CREDENTIALS, { ...input, query }, PROBE_TIME);
  requireSameUrl(sdk.putUrl, put.url);
  requireSameUrl(sdk.getUrl, get.url);
  return endpoint;
}

/** Throws an Error that names the parts in which two presigned URLs differ, without their values. */
export function requireSameUrl(sdkUrl: string, ownUrl: string): void {
  if (sdkUrl === ownUrl) return;
  const [sdk, own] = [new URL(sdkUrl), new URL(ownUrl)];
  const parts = (['protocol', 'host', 'pathname'] as const).filter((part) => sdk[part] !== own[part]);
  const names = new Set([...sdk.searchParams.keys(), ...own.searchParams.keys()]);
  const parameters = [...names].filter((name) => sdk.searchParams.get(name) !== own.searchParams.get(name));
  const differences = [...parts, ...parameters].join(', ') || 'encoding';
  throw new Error(`The AWS SDK signs this bucket's URLs differently than this service: ${differences}`);
}

async function presignWithSdk(options: EndpointOptions): Promise<{ putUrl: string; getUrl: string }> {
  const { bucket: Bucket, ...clientOptions } = options;
  const client = new S3Client({
    ...clientOptions,
    credentials: PROBE_CREDENTIALS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    requestHandler: {
      handle: async () => {
        throw new Error('presigning needs a request to S3 first (S3 Express sessions)');
      },
    },
  });
  const common = { expiresIn: PROBE_EXPIRES_SECONDS, signingDate: PROBE_TIME };
  const putUrl = await getSignedUrl(
    client,
    new PutObjectCommand({
      Bucket,
      Key: PROBE_KEY,
      ContentLength: 3,
      ContentType: 'text/plain; charset=utf-8',
      IfNoneMatch: '*',
      ChecksumSHA256: PROBE_CHECKSUM,
      Metadata: { probe: ' a  b ' },
    }),
    {
      ...common,
      signableHeaders: new Set(['content-type']),
      unhoistableHeaders: new Set(['x-amz-checksum-sha256', 'x-amz-meta-probe']),
    },
  );
  const getUrl = await getSignedUrl(
    client,
    new GetObjectCommand({ Bucket, Key: PROBE_KEY, ResponseContentDisposition: PROBE_DISPOSITION }),
    common,
  );
  return { putUrl, getUrl };
}

function readEndpoint(bucket: string, putUrl: string): SigningEndpoint {
  const { protocol, host, pathname, searchParams } = new URL(putUrl);
  const path = `/${encodePath(PROBE_KEY)}`;
  const [, , region, service] = searchParams.get('X-Amz-Credential')?.split('/') ?? [];
  if (!pathname.endsWith(path) || region === undefined || service === undefined) {
    throw new Error("The AWS SDK signs this bucket's URLs in an unknown form");
  }
  return { bucket, protocol, host, basePath: pathname.slice(0, -path.length), region, service };
}

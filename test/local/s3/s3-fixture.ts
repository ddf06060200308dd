import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  type DeleteObjectCommand,
  type GetObjectCommand,
  type HeadObjectCommand,
  type PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type LocalS3Options, startLocalS3 } from '../../../src/local/s3/start-local-s3.ts';

export const KEYS = { region: 'us-east-1', accessKeyId: 'testkey', secretAccessKey: 'testsecret' };

type Command = DeleteObjectCommand | GetObjectCommand | HeadObjectCommand | PutObjectCommand;
type PresignOptions = NonNullable<Parameters<typeof getSignedUrl>[2]>;

export type RawAnswer = { status: number; headers: IncomingHttpHeaders; body: Buffer; code: string | undefined };

export type RawRequest = { method: string; path: string; headers?: Record<string, string>; body?: Buffer };

/** A running store in a new directory, with one bucket and a client. */
export async function startFixture(options: Partial<LocalS3Options> = {}) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'local-s3-')));
  const server = await startLocalS3({ ...KEYS, directory, host: '127.0.0.1', port: 0, ...options });
  const bucket = `bucket-${randomBytes(4).toString('hex')}`;
  const client = newClient(server.url, { ...KEYS, region: options.region ?? KEYS.region });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    server,
    directory,
    bucket,
    client,
    presign: (command: Command, presignOptions: PresignOptions = {}) =>
      presign(client, command, { expiresIn: 300, ...presignOptions }),
    raw: (rawRequest: RawRequest) => sendRaw(server.url, rawRequest),
    async stop() {
      client.destroy();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export type Fixture = Awaited<ReturnType<typeof startFixture>>;

export function newClient(endpoint: string, keys = KEYS): S3Client {
  return new S3Client({
    endpoint,
    region: keys.region,
    credentials: keys,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
}

/** A presigned URL as path and query. */
export async function presign(client: S3Client, command: Command, options: PresignOptions): Promise<string> {
  // The SDK's overloads do not accept a union of commands.
  const url = await getSignedUrl(client, command as GetObjectCommand, options);
  return url.replace(/^https?:\/\/[^/]*/, '');
}

/** The request that the SDK would send for a command, signed in its Authorization header. */
export async function signedRequest(client: S3Client, command: Command): Promise<RawRequest> {
  const captured: RawRequest[] = [];
  const stack = command.middlewareStack as unknown as S3Client['middlewareStack'];
  stack.add(
    () => async (args) => {
      const { method, path, query, headers, body } = args.request as {
        method: string;
        path: string;
        query: Record<string, string>;
        headers: Record<string, string>;
        body?: Buffer | string;
      };
      const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
      const target = pairs.length > 0 ? `${path}?${pairs.join('&')}` : path;
      captured.push({ method, path: target, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
      return { response: {}, output: { $metadata: {} } };
    },
    { step: 'deserialize', priority: 'high' },
  );
  await client.send(command as GetObjectCommand);
  const [request] = captured;
  if (request === undefined) throw new Error('the command was not signed');
  return request;
}

/** One request over node:http, exactly as given; a body is sent as bytes. */
export function sendRaw(url: string, { method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const framed = body === undefined || 'content-length' in headers || 'transfer-encoding' in headers;
  const sent = framed ? headers : { ...headers, 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: sent, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const whole = Buffer.concat(chunks);
        const code = /<Code>(.*?)<\/Code>/.exec(whole.toString())?.[1];
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: whole, code });
      });
    });
    outgoing.on('error', reject);
    // Given to end(), a body makes Node rewrite a Content-Disposition that is not ASCII.
    if (body !== undefined) outgoing.write(body);
    outgoing.end();
  });
}

/** Status and code, for tables of refusals. */
export function outcome(answer: RawAnswer): string {
  return `${answer.status} ${answer.code ?? ''}`.trim();
}

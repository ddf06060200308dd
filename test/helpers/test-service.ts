import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SignJWT } from 'jose';
import { expect } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import { createServices } from '../../src/start/services.ts';
import { createTestDatabase } from './database.ts';
import { holdAnswers } from './hold-answers.ts';

export const SECRET = 'a secret for tests that has more than thirty-two bytes';

export type Upload = {
  fileId: string;
  objectKey: string;
  presignedUrl: string;
  headers: Record<string, string>;
  expiresAt: string;
  serverTime: string;
};

export type Answer<Body = Record<string, unknown>> = { status: number; headers: Headers; body: Body };

export type TestService = Awaited<ReturnType<typeof startTestService>>;

/** A token as an issuer would sign it. */
export async function mint(user: string, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ sub: user, exp: Math.floor(Date.now() / 1000) + 600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET));
}

/**
 * A new bucket for each test: on the real S3 server of `TEST_S3_ENDPOINT` (with `TEST_S3_ACCESS_KEY_ID` and
 * `TEST_S3_SECRET_ACCESS_KEY`) if set, else in the local store.
 */
export async function startTestBucket() {
  const { TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY_ID = '', TEST_S3_SECRET_ACCESS_KEY = '' } = process.env;
  const directory = await mkdtemp(join(tmpdir(), 'signpost-bucket-'));
  const local =
    TEST_S3_ENDPOINT === undefined
      ? await (await import('../../src/local/s3/start-local-s3.ts')).startLocalS3({
          directory,
          host: '127.0.0.1',
          port: 0,
          region: 'us-east-1',
          accessKeyId: 'test',
          secretAccessKey: 'test-secret',
        })
      : null;
  const credentials = local
    ? { accessKeyId: 'test', secretAccessKey: 'test-secret' }
    : { accessKeyId: TEST_S3_ACCESS_KEY_ID, secretAccessKey: TEST_S3_SECRET_ACCESS_KEY };
  const endpoint = local?.url ?? TEST_S3_ENDPOINT ?? '';
  const name = `test-${randomBytes(8).toString('hex')}`;
  const client = new S3Client({
    endpoint,
    credentials,
    region: 'us-east-1',
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    endpoint,
    name,
    client,
    env: {
      S3_BUCKET_NAME: name,
      S3_ENDPOINT: endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    /** Writes an object with the owner's credentials, without a presigned URL. */
    write: (Key: string, Body: string, more: Partial<ConstructorParameters<typeof PutObjectCommand>[0]> = {}) =>
      client.send(new PutObjectCommand({ Bucket: name, Key, Body, ...more })),
    read: async (Key: string): Promise<Buffer | null> => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key }));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return null;
        throw error;
      }
    },
    close: async () => {
      client.destroy();
      await local?.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The whole service with its own bucket and database, without a socket. */
export async function startTestService(
  options: { env?: Record<string, string>; now?: () => Date; stopping?: AbortSignal } = {},
) {
  const bucket = await startTestBucket();
  const database = await createTestDatabase();
  const logs: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
    logs.push({ level, fields, message });
  };
  const services = await createServices(
    parseConfig({
      JWT_SECRET: SECRET,
      DATABASE_URL: database.url,
      RATE_LIMIT_PER_MINUTE: '0',
      ...bucket.env,
      ...options.env,
    }),
    {
      logger: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
      ...(options.now && { now: options.now }),
      ...(options.stopping && { stopping: options.stopping }),
    },
  );
  const app = holdAnswers(createApp(services));

  /** Sends one request as `user`; the body is sent as JSON. */
  const call = async <Body = Record<string, unknown>>(
    user: string,
    path: string,
    body?: unknown,
    init: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<Answer<Body>> => {
    const response = await app.request(path, {
      ...init,
      method: init.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${await mint(user)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...init.headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : null) as Body };
  };

  const presign = async (user: string, request: Record<string, unknown>): Promise<Upload> => {
    const { status, body } = await call<Upload>(user, '/presign-upload', request);
    expect(body).toMatchObject({ method: 'PUT' });
    expect(status).toBe(200);
    return body;
  };
  const put = (upload: Upload, bytes: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(upload.presignedUrl, { method: 'PUT', headers: { ...upload.headers, ...headers }, body: bytes });
  const confirm = (user: string, objectKey: string) => call(user, '/confirm-upload', { objectKey });
  /** Presigns, uploads and confirms one text file. */
  const store = async (user: string, text: string, request: Record<string, unknown> = {}) => {
    const size = Buffer.byteLength(text);
    const upload = await presign(user, { fileName: 'a.txt', contentType: 'text/plain', size, ...request });
    expect((await put(upload, text)).status).toBe(200);
    const confirmed = await confirm(user, upload.objectKey);
    expect(confirmed.status).toBe(201);
    return confirmed.body as Record<string, unknown> & { fileId: string; objectKey: string };
  };

  return {
    app,
    services,
    bucket,
    database,
    logs,
    call,
    presign,
    put,
    confirm,
    store,
    close: async () => {
      await services.close();
      await bucket.close();
      await database.drop();
    },
  };
}

/** The same services with other settings in one slice of `Config`. */
export function withConfig<S extends { config: Config }, Slice extends keyof Config>(
  services: S,
  slice: Slice,
  fields: Partial<Config[Slice]>,
): S {
  const { config } = services;
  return { ...services, config: { ...config, [slice]: Object.assign({}, config[slice], fields) } };
}

/** Expects an RFC 9457 problem with this status and code. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ status, code, type: expect.any(String), title: expect.any(String) });
  expect(answer.body).toHaveProperty('detail');
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.status).toBe(status);
}

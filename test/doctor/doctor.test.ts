import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { Check } from '../../src/doctor/check.ts';
import { runBucketSetup } from '../../src/doctor/run-bucket-setup.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { type Returned, type Sent, s3Error, startStoreInFront } from './store-in-front.ts';

const isCeph = process.env.TEST_S3_ENDPOINT !== undefined;
const ORIGIN = 'https://app.example.com';
const ORIGINS = `${ORIGIN},https://*.example.net,capacitor://localhost`;

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: TestDatabase;
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
  const config = parseConfig({ ...bucket.env, ALLOWED_ORIGINS: ORIGINS });
  expect(await runBucketSetup(config, { apply: true, versioning: false, print: () => {} })).toBe(0);
});
afterAll(async () => {
  await bucket.close();
  await database.drop();
});

type Options = {
  env?: Record<string, string>;
  now?: () => Date;
  signal?: AbortSignal;
  report?: (check: Check) => void;
};

/** The doctor on the test's bucket and database, with these settings. */
function examine({ env = {}, now = () => new Date(), ...options }: Options = {}): Promise<Check[]> {
  const settings = { DATABASE_URL: database.url, JWT_SECRET: 'x'.repeat(40), ALLOWED_ORIGINS: ORIGIN, ...bucket.env };
  const ofStore = { S3_SIGN_ABSENT_HEADERS: String(isCeph) };
  return runDoctor(parseConfig({ ...settings, ...ofStore, ...env }), {
    signal: new AbortController().signal,
    report: () => {},
    now,
    ...options,
  });
}

/** The doctor on a store in front of the test's bucket. */
async function examineBehind(answer: (sent: Sent, passOn: () => Promise<Returned>) => Promise<Returned>, env = {}) {
  const store = await startStoreInFront(bucket.endpoint, answer);
  try {
    return await examine({ env: { S3_ENDPOINT: store.url, ...env } });
  } finally {
    await store.stop();
  }
}

const SSE_C = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` };

const failed = (checks: Check[]) => checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
const warned = (checks: Check[]) => checks.filter(({ verdict }) => verdict === 'warn').map(({ name }) => name);
const named = (checks: Check[], name: string) => checks.find((check) => check.name === name);

/** The known differences of the store; any other one fails the test. */
const LACKS = isCeph ? ['PUT: another checksum', 'PUT: x-amz-meta-added, not signed'] : [];

async function leftBehind(): Promise<number> {
  const input = { Bucket: bucket.name };
  const objects = await bucket.client.send(new ListObjectsV2Command(input));
  const uploads = await bucket.client.send(new ListMultipartUploadsCommand(input));
  return (objects.Contents?.length ?? 0) + (uploads.Uploads?.length ?? 0);
}

describe('the doctor', () => {
  it('finds no failure in a complete set-up, and leaves no object behind', async () => {
    const checks = await examine();
    expect(failed(checks)).toEqual([]);
    expect(warned(checks)).toEqual(LACKS);
    expect(checks.length).toBeGreaterThan(40);
    expect(await leftBehind()).toBe(0);
  });

  it('runs every trial with keys of the objects’ own', async () => {
    const env = { ...SSE_C, ...(isCeph && { S3_PROVIDER: 'ceph' }) };
    const checks = await examine({ env });
    expect(failed(checks)).toEqual([]);
    expect(named(checks, 'encryption at rest')?.detail).toContain('SSE-C');
    expect(await leftBehind()).toBe(0);
  });

  it('runs every trial under any limits of users', async () => {
    const env = { ALLOWED_CONTENT_TYPES: 'image/png', MAX_UPLOAD_BYTES: '1', KEY_PREFIX: 'a/b/' };
    expect(failed(await examine({ env }))).toEqual([]);
  });

  it('removes its objects when it is stopped early', async () => {
    const stopping = new AbortController();
    const report = ({ name }: Check) => name === 'PUT: smaller' && stopping.abort();
    const checks = await examine({ signal: stopping.signal, report });
    expect(checks.at(-1)?.name).toBe('PUT: smaller');
    expect(failed(checks)).toEqual([]);
    expect(await leftBehind()).toBe(0);
  });

  it('removes its objects when a trial throws', async () => {
    const checks = await examineBehind(async ({ query }, passOn) => {
      // Bytes that do not match their encoding: reading them throws.
      const headers = { 'content-encoding': 'gzip' };
      if (query.has('response-content-disposition')) return { status: 200, headers, body: 'not gzip' };
      return passOn();
    });
    expect(named(checks, 'objects')).toMatchObject({ verdict: 'fail' });
    expect(await leftBehind()).toBe(0);
  });
});

describe('the doctor, on the settings of the bucket', () => {
  it('names the secret when signatures are refused', async () => {
    const checks = await examine({ env: { AWS_SECRET_ACCESS_KEY: 'wrong' } });
    expect(failed(checks)).toEqual([expect.stringMatching(/^bucket: as/)]);
    expect(checks.find(({ verdict }) => verdict === 'fail')?.remedy).toContain('AWS_SECRET_ACCESS_KEY');
    expect(JSON.stringify(checks)).not.toContain('X-Amz-Signature');
  });

  it('suggests bucket:setup if there is no such bucket', async () => {
    const checks = await examine({ env: { S3_BUCKET_NAME: 'no-such-bucket-anywhere' } });
    expect(failed(checks)).toEqual(['bucket: as clients reach it']);
    expect(named(checks, 'bucket: as clients reach it')?.remedy).toContain('npm run bucket:setup -- --yes');
  });

  it('reports a clients’ endpoint that does not answer, and continues with the database', async () => {
    const checks = await examine({ env: { S3_PUBLIC_ENDPOINT: 'http://127.0.0.1:9' } });
    expect(failed(checks)).toEqual(['bucket']);
    expect(named(checks, 'bucket')?.remedy).toContain('S3_PUBLIC_ENDPOINT');
    expect(named(checks, 'database: migrations')?.verdict).toBe('ok');
  });

  it('finds that the bucket allows every kind of origin that the service allows', async () => {
    const checks = await examine({ env: { ALLOWED_ORIGINS: ORIGINS } });
    expect(named(checks, 'CORS: PUT from https://*.example.net')?.verdict).toBe('ok');
    expect(named(checks, 'CORS: ETag for capacitor://localhost')?.verdict).toBe('ok');
    expect(failed(checks)).toEqual([]);
  });

  it('suggests bucket:setup for an origin that the bucket does not allow', async () => {
    const checks = await examine({ env: { ALLOWED_ORIGINS: `${ORIGIN},https://other.example.com` } });
    expect(failed(checks)).toEqual([
      'CORS: PUT from https://other.example.com',
      'CORS: POST from https://other.example.com',
      'CORS: ETag for https://other.example.com',
    ]);
    expect(named(checks, 'CORS: ETag for https://other.example.com')?.remedy).toBe('npm run bucket:setup -- --yes');
  });

  it('reports an ETag that is not exposed', async () => {
    const checks = await examineBehind(async (_, passOn) => {
      const returned = await passOn();
      delete returned.headers['access-control-expose-headers'];
      return returned;
    });
    expect(failed(checks)).toEqual([`CORS: ETag for ${ORIGIN}`]);
  });
});

describe('the doctor, on stores with other traits', () => {
  it('suggests FREEZE_UPLOADS=all if If-None-Match is ignored', async () => {
    const ignoring = async ({ path, body, headers }: Sent, passOn: () => Promise<Returned>): Promise<Returned> => {
      const returned = await passOn();
      if (returned.status !== 412) return returned;
      await bucket.write(decodeURIComponent(path.split('/').slice(2).join('/')), body.toString(), {
        ContentType: headers['content-type'],
      });
      return { status: 200, headers: {}, body: '' };
    };
    const checks = await examineBehind(ignoring);
    expect(failed(checks)).toEqual(['PUT: a second time']);
    expect(named(checks, 'PUT: a second time')?.remedy).toBe('FREEZE_UPLOADS=all');
    expect(failed(await examineBehind(ignoring, { FREEZE_UPLOADS: 'all' }))).toEqual([]);
    expect(await leftBehind()).toBe(0);
  });

  it('suggests S3_SIGN_ABSENT_HEADERS=true if an upload can copy any object, as on Ceph', async () => {
    const copies = async ({ headers }: Sent, passOn: () => Promise<Returned>) => {
      const { 'x-amz-copy-source': source, 'if-none-match': condition } = headers;
      if (source === undefined || condition === undefined) return passOn();
      return { status: 200, headers: {}, body: '<CopyObjectResult/>' };
    };
    const name = 'PUT: x-amz-copy-source, not signed';
    const remedy = 'S3_SIGN_ABSENT_HEADERS=true';
    expect(named(await examineBehind(copies), name)).toMatchObject({ verdict: 'fail', remedy });
    if (isCeph) expect(failed(await examine({ env: { S3_SIGN_ABSENT_HEADERS: 'false' } }))).toEqual([name]);
  });

  it('suggests S3_POST_POLICY=false if forms are not supported, as on R2', async () => {
    const withoutForms = async ({ headers }: Sent, passOn: () => Promise<Returned>) =>
      headers['content-type']?.startsWith('multipart/form-data') ? s3Error(501, 'NotImplemented') : passOn();
    const checks = await examineBehind(withoutForms);
    expect(failed(checks)).toEqual(['POST: as signed']);
    expect(named(checks, 'POST: as signed')?.remedy).toMatch(/^S3_POST_POLICY=false/);
    expect(failed(await examineBehind(withoutForms, { S3_POST_POLICY: 'false' }))).toEqual([]);
  });

  it('names the provider, and finds no failure on one without conditions, forms and checksums', async () => {
    const refusing = async ({ method, headers }: Sent, passOn: () => Promise<Returned>) => {
      const isForm = headers['content-type']?.startsWith('multipart/form-data');
      const isUnknown =
        isForm || (method !== 'GET' && 'if-none-match' in headers) || 'x-amz-checksum-sha256' in headers;
      return isUnknown ? s3Error(501, 'NotImplemented') : passOn();
    };
    const checks = await examineBehind(refusing, { S3_PROVIDER: 'b2' });
    expect(failed(checks)).toEqual([]);
    expect(named(checks, 'store')?.detail).toMatch(
      /^b2 \(by S3_PROVIDER\): no forms, PUT without If-None-Match, every/,
    );
    expect(named(checks, 'PUT: without If-None-Match')).toBeUndefined();
    expect(named(await examine(), 'store')?.detail).toMatch(/^other \(guessed; /);
  });

  it('reports every breach on a store that checks no signature', async () => {
    const checks = await examineBehind(async ({ method, path, query, body }, passOn) => {
      if (method !== 'PUT' || !query.has('X-Amz-Signature')) return passOn();
      await bucket.write(decodeURIComponent(path.split('/').slice(2).join('/')), body.toString());
      return { status: 200, headers: {}, body: '' };
    });
    expect(failed(checks)).toEqual(
      expect.arrayContaining([
        'HEAD: what was signed',
        'PUT: larger',
        'PUT: smaller',
        'PUT: another type',
        'PUT: other metadata',
        'PUT: without If-None-Match',
        'PUT: to another key',
        'PUT: after it expired',
        'PUT: a second time',
        'parts: a larger one',
      ]),
    );
    expect(await leftBehind()).toBe(0);
  });

  it('reports a bucket that everybody can read, list and write, except reading with PUBLIC_BASE_URL', async () => {
    const open = async ({ query, headers, method }: Sent, passOn: () => Promise<Returned>) => {
      const isSigned = query.has('X-Amz-Signature') || headers.authorization !== undefined;
      const isForm = method === 'POST' || method === 'OPTIONS';
      return isSigned || isForm ? passOn() : { status: 200, headers: {}, body: '' };
    };
    const [read, list, write] = ['read', 'list', 'write'].map((what) => `no signature: ${what}`);
    expect(failed(await examineBehind(open))).toEqual([read, list, write]);
    const meant = await examineBehind(open, { PUBLIC_BASE_URL: 'https://cdn.example.com' });
    expect(failed(meant)).toEqual([list, write]);
    expect(warned(meant)).toContain(read);
  });

  it('warns of a wrong clock, and fails for a very wrong one', async () => {
    const late = (seconds: number) =>
      examineBehind(async (_, passOn) => {
        const returned = await passOn();
        return {
          ...returned,
          headers: { ...returned.headers, date: new Date(Date.now() - seconds * 1000).toUTCString() },
        };
      });
    // The doctor takes the middle of the request for the time of the answer: on a busy machine they are seconds apart.
    const ahead = expect.stringMatching(/^1[12]\d s ahead of the bucket's$/);
    expect(named(await late(120), 'clock')).toMatchObject({ verdict: 'warn', detail: ahead });
    const behind = expect.stringMatching(/^(59|60)\d s behind the bucket's$/);
    expect(named(await late(-600), 'clock')).toMatchObject({ verdict: 'fail', detail: behind });
  });

  it.each([
    [
      's3:ListBucket',
      'bucket: as the service reaches it',
      ({ method, path }: Sent) => method === 'HEAD' && /^\/[^/]+\/?$/.test(path),
    ],
    ['s3:PutObject', 'PUT: as signed', ({ method, query }: Sent) => method === 'PUT' && query.has('X-Amz-Signature')],
    ['s3:GetObject', 'GET: a download', ({ query }: Sent) => query.has('response-content-disposition')],
    ['s3:GetObject, s3:PutObject', 'copy: to another key', ({ headers }: Sent) => 'x-amz-copy-source' in headers],
    [
      's3:ListMultipartUploadParts',
      'parts: list',
      ({ method, query }: Sent) => method === 'GET' && query.has('uploadId'),
    ],
  ])('names %s if it is missing', async (action, name, isDenied) => {
    const checks = await examineBehind(async (sent, passOn) =>
      isDenied(sent) ? s3Error(403, 'AccessDenied') : passOn(),
    );
    expect(failed(checks)).toContain(name);
    expect(named(checks, name)?.remedy).toContain(`IAM: allow ${action} on arn:aws:s3:::${bucket.name}`);
  });

  it('names the objects that it could not remove', async () => {
    const checks = await examineBehind(async (sent, passOn) =>
      sent.method === 'DELETE' ? s3Error(403, 'AccessDenied') : passOn(),
    );
    expect(failed(checks)).toEqual(expect.arrayContaining(['DELETE', 'parts: abort', 'clean-up']));
    expect(named(checks, 'DELETE')?.remedy).toContain('s3:DeleteObject');
    expect(named(checks, 'clean-up')?.detail).toContain('signpost-doctor/');
  });
});

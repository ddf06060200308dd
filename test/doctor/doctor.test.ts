import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/doctor/check.ts';
import { examine, examineBehind, failed, isCeph, leftBehind, named, ORIGIN, ORIGINS, warned } from './examine.ts';
import type { Returned, Sent } from './store-in-front.ts';

const SSE_C = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` };

/** The known differences of the store; any other one fails the test. */
const LACKS = isCeph ? ['PUT: another checksum', 'PUT: x-amz-meta-added, not signed'] : [];

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
});

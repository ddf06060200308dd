import { describe, expect, it } from 'vitest';
import { bucket, examine, examineBehind, failed, leftBehind, named, warned } from './examine.ts';
import { type Returned, type Sent, s3Error } from './store-in-front.ts';

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

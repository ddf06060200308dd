import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConfigError,
  createSignpost,
  type File,
  Problem,
  type Signpost,
  type SignpostOptions,
} from '../../src/index.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { SECRET, startTestBucket, type Upload } from '../helpers/test-service.ts';
import { readSamples } from '../telemetry/read-samples.ts';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let directory: string;
const opened: Signpost[] = [];
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'signpost-library-'));
});
afterAll(async () => {
  for (const signpost of opened) await signpost.close();
  await database.drop();
  await bucket.close();
  await rm(directory, { recursive: true, force: true });
});

const settings = () => ({ ...bucket.env, DATABASE_URL: database.url, JWT_SECRET: SECRET, DATA_DIR: directory });
const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

async function open(options: SignpostOptions = {}): Promise<Signpost> {
  const signpost = createSignpost({ logger: quiet, settings: settings(), ...options });
  opened.push(signpost);
  return signpost;
}

const asHeader: NonNullable<SignpostOptions['authorize']> = (request) => {
  const userId = request.headers.get('x-user');
  return userId === null ? null : { userId };
};
const json = (user: string, body: unknown) => ({
  method: 'POST',
  headers: { 'x-user': user, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const request = (path: string, init: RequestInit = {}) => new Request(`http://app.test${path}`, init);
const text = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const put = ({ presignedUrl, headers }: { presignedUrl: string; headers: Record<string, string> }) =>
  fetch(presignedUrl, { method: 'PUT', headers, body: 'hello' });

describe('createSignpost', () => {
  it('serves the HTTP API in another app, below any path, for the users of that app', async () => {
    const confirmed: File[] = [];
    const signpost = await open({ authorize: asHeader, onConfirmed: (file) => void confirmed.push(file) });
    const app = new Hono().mount('/api/uploads', signpost.fetch);
    const presigned = await app.request('/api/uploads/presign-upload', json('ada', text));
    const upload = (await presigned.json()) as Upload;
    expect([presigned.status, upload.objectKey]).toEqual([200, expect.stringMatching(/^ada\//)]);
    await put(upload);
    const { objectKey } = upload;
    const answer = await app.request('/api/uploads/confirm-upload', json('ada', { objectKey }));
    expect(answer.status).toBe(201);
    expect(confirmed).toMatchObject([{ objectKey, fileName: 'a.txt' }]);
    expect((await app.request('/api/uploads/files')).status).toBe(401);
    expect((await app.request('/api/uploads/confirm-upload', json('eve', { objectKey }))).status).toBe(403);
  });

  it('leaves out a base path that the framework does not, with the token in the path behind it', async () => {
    const signpost = await open({ basePath: '/api/uploads' });
    expect((await signpost.fetch(request('/api/uploads/healthz'))).status).toBe(200);
    expect((await signpost.fetch(request('/api/uploadsx/healthz'))).status).toBe(401);
    const answer = await signpost.fetch(request('/api/uploads/t/wrong/s3/params?filename=a&type=text/plain'));
    expect([answer.status, answer.headers.get('referrer-policy')]).toEqual([401, 'no-referrer']);
  });

  it.each<[string, SignpostOptions['authorize']]>([
    ['throws', () => Promise.reject(new Error('the session store is down'))],
    ['answers undefined', () => undefined as never],
    ['answers a token', () => 'ada' as never],
    ['has no user id', () => ({}) as never],
    ['has an empty user id', () => ({ userId: '' })],
    ['has an unknown scope', () => ({ userId: 'ada', scopes: ['admin' as never] })],
    ['has a limit that is no number', () => ({ userId: 'ada', limits: { maxBytes: '1' as never } })],
    ['has a field that it does not know', () => ({ userId: 'ada', isAdmin: true }) as never],
  ])('answers 503 and lets nobody pass where authorize %s', async (_, authorize) => {
    const signpost = await open({ authorize });
    const answer = await signpost.fetch(request('/presign-upload', json('ada', text)));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toMatchObject({ code: 'application-unavailable' });
  });

  it('takes no cookie from the page of another site', async () => {
    const signpost = await open({ authorize: () => ({ userId: 'ada' }) });
    const archive = (headers: Record<string, string>) =>
      signpost.fetch(request('/files/0198c0de-0000-7000-8000-000000000000/archive', { method: 'POST', headers }));
    const cookie = 'session=1';
    const statuses = await Promise.all([
      archive({ cookie, origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ cookie }),
      archive({ cookie, origin: 'http://app.test', 'sec-fetch-site': 'same-origin' }),
      archive({}),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 404, 404]);
    const others = await Promise.all([
      archive({ cookie, authorization: 'Bearer x', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ authorization: 'Basic YTpi', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ cookie, authorization: 'Bearer x' }),
      archive({ authorization: 'Bearer x', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
    ]);
    expect(others.map(({ status }) => status)).toEqual([401, 401, 404, 404]);
  });

  it('lets a page that ALLOWED_ORIGINS names send its cookies, and shows authorize no token in a path', async () => {
    const seen: string[] = [];
    const authorize = ({ url, headers }: Request) => {
      seen.push(`${new URL(url).pathname} ${headers.get('authorization')}`);
      return { userId: 'ada' };
    };
    const origin = 'http://page.app.test';
    const signpost = await open({ authorize, settings: { ...settings(), ALLOWED_ORIGINS: [origin] } });
    const headers = { cookie: 'session=1', origin, 'sec-fetch-site': 'same-site' };
    const answer = await signpost.fetch(request('/t/secret/s3/params?filename=a&type=text/plain', { headers }));
    expect([answer.status, answer.headers.get('access-control-allow-credentials')]).toEqual([200, 'true']);
    expect(seen).toEqual(['/s3/params Bearer secret']);
  });

  it('shows authorize no cookie beside a token in the path, which any page can choose', async () => {
    const seen: (string | null)[] = [];
    const signpost = await open({
      authorize: ({ headers }) => {
        seen.push(headers.get('cookie'), headers.get('authorization'));
        return null;
      },
    });
    const headers = { cookie: 'session=1', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' };
    await signpost.fetch(request('/t/chosen/s3/params?filename=a&type=text/plain', { headers }));
    expect(seen).toEqual([null, 'Bearer chosen']);
  });

  it('answers 503 where onConfirmed throws, keeps the file, and calls it again when the call is repeated', async () => {
    const calls: string[] = [];
    const onConfirmed = ({ fileId }: File) => {
      calls.push(fileId);
      if (calls.length === 1) throw new Error('the app is down');
    };
    const signpost = await open({ authorize: asHeader, onConfirmed });
    const upload = await signpost.presignUpload({ userId: 'bob' }, text);
    await put(upload as never);
    const confirm = () => signpost.fetch(request('/confirm-upload', json('bob', { objectKey: upload.objectKey })));
    expect((await confirm()).status).toBe(503);
    expect(await signpost.files.find({ userId: 'bob' }, upload.fileId)).toMatchObject({ status: 'active' });
    expect((await confirm()).status).toBe(200);
    expect(calls).toEqual([upload.fileId, upload.fileId]);
  });

  it('has the routes as functions, which validate, limit and keep users apart alike', async () => {
    const signpost = await open();
    const carl = { userId: 'carl', limits: { maxBytes: 10, contentTypes: ['text/*'], documentTypes: ['note'] } };
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => 'ok',
        (error: unknown) => (error instanceof Problem ? error.code : String(error)),
      );
    expect(await codeOf(signpost.presignUpload(carl, { ...text, size: 11, documentType: 'note' }))).toBe(
      'file-too-large',
    );
    expect(await codeOf(signpost.presignUpload(carl, text))).toBe('invalid-request');
    const png = { ...text, contentType: 'image/png', documentType: 'note' };
    expect(await codeOf(signpost.presignUpload(carl, png))).toBe('content-type-not-allowed');
    expect(await codeOf(signpost.presignUpload(carl, { ...text, size: -1 }))).toBe('invalid-request');
    expect(await codeOf(signpost.presignUpload({ userId: '' }, text))).toMatch(/^TypeError: the caller is no valid id/);
    expect(await codeOf(signpost.presignUpload({ userId: 'carl', scopes: ['files:read'] }, text))).toBe('forbidden');

    const upload = await signpost.presignUpload(carl, { ...text, documentType: 'note' });
    await put(upload as never);
    const file = await signpost.confirmUpload({ ...carl, limits: { quotaBytes: 5 } }, { objectKey: upload.objectKey });
    expect(file).toMatchObject({ fileName: 'a.txt', documentType: 'note' });
    const { files } = await signpost.files.list(carl, { limit: 1, createdFrom: new Date(0) });
    expect(files.map(({ fileId }) => fileId)).toEqual([upload.fileId]);
    expect(await codeOf(signpost.files.find({ userId: 'eve' }, upload.fileId))).toBe('file-not-found');
    expect(await signpost.files.usage({ userId: 'carl', limits: { quotaBytes: 5 } })).toMatchObject({ quotaBytes: 5 });
    expect((await fetch((await signpost.presignDownload(carl, { fileId: upload.fileId })).presignedUrl)).status).toBe(
      200,
    );

    const limits = await signpost.limits(
      { ...carl, limits: { ...carl.limits, quotaBytes: 5 } },
      { documentType: 'note' },
    );
    expect(limits).toMatchObject({ maxBytes: 10, contentTypes: ['text/*'], quota: { bytes: 5, usedBytes: 5 } });
    expect(await codeOf(signpost.limits(carl))).toBe('invalid-request');

    const second = await signpost.presignUpload(carl, { ...text, documentType: 'note' });
    await put(second as never);
    const full = { ...carl, limits: { quotaBytes: 5 } };
    expect(await codeOf(signpost.presignUpload(full, text))).toBe('quota-exceeded');
    expect(await codeOf(signpost.confirmUpload(full, { objectKey: second.objectKey }))).toBe('quota-exceeded');
    await signpost.files.remove(carl, upload.fileId);
    expect(await codeOf(signpost.files.find(carl, upload.fileId))).toBe('file-not-found');
  });

  it('has metrics of its own, for a route of the app', async () => {
    const [one, other, uncounted] = await Promise.all([open({ metrics: true }), open({ metrics: true }), open()]);
    await one.presignUpload({ userId: 'ada' }, text);
    const presigned = 'signpost_presigned_uploads_total{method="PUT"}';
    const { contentType, text: scraped } = await one.metrics();
    expect(contentType).toMatch(/^text\/plain; version=/);
    expect(readSamples(scraped)[presigned]).toBe(1);
    expect(readSamples((await other.metrics()).text)).not.toHaveProperty([presigned]);
    await expect(uncounted.metrics()).rejects.toThrow(/without this option, or METRICS_PORT/);
  });

  it('makes a ticket, which alone lets a guest upload within its limits', async () => {
    const signpost = await open();
    const limits = { recordId: 'case-42', maxFiles: 1 };
    const token = await signpost.ticket({ userId: 'gina', limits, ttlSeconds: 60 });
    const call = (path: string, body: object) =>
      signpost.fetch(
        request(path, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      );
    expect((await call('/presign-upload', text)).status).toBe(400);
    const answer = await call('/presign-upload', { ...text, recordId: 'case-42' });
    const upload = (await answer.json()) as Upload;
    expect(upload.objectKey).toMatch(/^gina\/case-42\//);
    await put(upload);
    expect((await call('/confirm-upload', { objectKey: upload.objectKey })).status).toBe(201);
    expect((await call('/presign-upload', { ...text, recordId: 'case-42' })).status).toBe(403);
    expect((await call('/presign-download', { fileId: upload.fileId })).status).toBe(403);

    const wrong = (change: object) => signpost.ticket({ userId: 'gina', limits, ttlSeconds: 60, ...change });
    for (const change of [{ ttlSeconds: 0 }, { ttlSeconds: 1.5 }, { limits: { maxFiles: -1 } }, { ownerId: 'team' }]) {
      await expect(wrong(change)).rejects.toThrow(TypeError);
    }
    const withSession = await open({ authorize: asHeader });
    await expect(withSession.ticket({ userId: 'gina', limits, ttlSeconds: 60 })).rejects.toThrow(/no token is read/);
  });

  it('takes no list or null for a setting that would mean something else as a text', () => {
    const settings = { ALLOWED_CONTENT_TYPES: [], ALLOWED_ORIGINS: ['https://a.test,https://b.test'], HOST: null };
    expect(() => createSignpost({ settings: settings as never })).toThrow(
      /^ALLOWED_CONTENT_TYPES: must not be .*\nALLOWED_ORIGINS: must not be .*\nHOST: must not be /,
    );
  });

  it('names every option and setting that is wrong, in one error', async () => {
    const failing = (options: object) => {
      try {
        return createSignpost(options as SignpostOptions);
      } catch (error) {
        return error;
      }
    };
    expect(failing({ basePath: 'api', authorise: () => null, logger: console.log })).toEqual(
      new ConfigError(
        'basePath must be a path like /api/uploads\n' +
          'authorise is not an option; there are settings, database, authorize, onConfirmed, basePath, logger, stopping, page, ' +
          'metrics\n' +
          'logger must be an object with the functions error, warn, info and debug',
      ),
    );
    expect(failing({ settings: { MAX_UPLOAD_BYTE: 1, NOPE: 'x' } })).toEqual(
      new ConfigError('MAX_UPLOAD_BYTE is not a setting; did you mean MAX_UPLOAD_BYTES?\nNOPE is not a setting'),
    );
    const contradictory = {
      settings: { MAX_UPLOAD_BYTES: -1, NODE_ENV: 'production' },
      authorize: () => null,
    } as const;
    expect(failing(contradictory)).toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^MAX_UPLOAD_BYTES: .*\nUPLOAD_ID_SECRET: .*\nDATABASE_URL: /),
    });
  });
});

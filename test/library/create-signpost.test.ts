import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toRouteHandlers } from '../../src/adapters/next.ts';
import {
  ConfigError,
  createSignpost,
  type File,
  type PresignedUpload,
  Problem,
  type SignpostOptions,
} from '../../src/index.ts';
import { readSamples } from '../telemetry/read-samples.ts';
import { asHeader, json, put, request, startLibrary, type TestLibrary, SMALL_TEXT as text } from './start-library.ts';

let library: TestLibrary;
beforeAll(async () => {
  library = await startLibrary();
});
afterAll(() => library.close());

describe('createSignpost', () => {
  it('serves the HTTP API in another app, below any path, for the users of that app', async () => {
    const confirmed: File[] = [];
    const signpost = library.open({ authorize: asHeader, onConfirmed: (file) => void confirmed.push(file) });
    const app = new Hono().mount('/api/uploads', signpost.fetch);
    const presigned = await app.request('/api/uploads/presign-upload', json('ada', text));
    const upload = (await presigned.json()) as PresignedUpload;
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
    const signpost = library.open({ basePath: '/api/uploads' });
    expect((await signpost.fetch(request('/api/uploads/healthz'))).status).toBe(200);
    expect((await signpost.fetch(request('/api/uploadsx/healthz'))).status).toBe(401);
    const answer = await signpost.fetch(request('/api/uploads/t/wrong/s3/params?filename=a&type=text/plain'));
    expect([answer.status, answer.headers.get('referrer-policy')]).toEqual([401, 'no-referrer']);
  });

  it('compresses nothing in Next.js, which drops the header that says so', async () => {
    const { GET, HEAD } = toRouteHandlers(library.open());
    for (const [method, handle] of Object.entries({ GET, HEAD })) {
      const { status, headers } = await handle(
        request('/client.js', { method, headers: { 'accept-encoding': 'gzip' } }),
      );
      expect([status, headers.get('content-encoding'), headers.get('content-length')]).toEqual([200, null, null]);
    }
  });

  it('has the routes as functions, which validate, limit and keep users apart alike', async () => {
    const signpost = library.open();
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
    await put(upload);
    const file = await signpost.confirmUpload({ ...carl, limits: { quotaBytes: 5 } }, { objectKey: upload.objectKey });
    expect(file).toMatchObject({ fileName: 'a.txt', documentType: 'note' });
    const { files } = await signpost.files.list(carl, { limit: 5, createdFrom: new Date(0), q: '' });
    expect(files.map(({ fileId }) => fileId)).toEqual([upload.fileId]);
    expect(await codeOf(signpost.files.find({ userId: 'eve' }, upload.fileId))).toBe('file-not-found');
    expect(await signpost.files.usage({ userId: 'carl', limits: { quotaBytes: 5 } })).toMatchObject({ quotaBytes: 5 });
    const { presignedUrl, headers = {} } = await signpost.presignDownload(carl, { fileId: upload.fileId });
    expect((await fetch(presignedUrl, { headers })).status).toBe(200);

    const limits = await signpost.limits(
      { ...carl, limits: { ...carl.limits, quotaBytes: 5 } },
      { documentType: 'note' },
    );
    expect(limits).toMatchObject({ maxBytes: 10, contentTypes: ['text/*'], quota: { bytes: 5, usedBytes: 5 } });
    expect(await codeOf(signpost.limits(carl))).toBe('invalid-request');

    const second = await signpost.presignUpload(carl, { ...text, documentType: 'note' });
    await put(second);
    const full = { ...carl, limits: { quotaBytes: 5 } };
    expect(await codeOf(signpost.presignUpload(full, text))).toBe('quota-exceeded');
    expect(await codeOf(signpost.confirmUpload(full, { objectKey: second.objectKey }))).toBe('quota-exceeded');
    await signpost.files.remove(carl, upload.fileId);
    expect(await codeOf(signpost.files.find(carl, upload.fileId))).toBe('file-not-found');
  });

  it('has metrics of its own, for a route of the app', async () => {
    const [one, other, uncounted] = [library.open({ metrics: true }), library.open({ metrics: true }), library.open()];
    await one.presignUpload({ userId: 'ada' }, text);
    const presigned = 'signpost_presigned_uploads_total{method="PUT"}';
    const { contentType, text: scraped } = await one.metrics();
    expect(contentType).toMatch(/^text\/plain; version=/);
    expect(readSamples(scraped)[presigned]).toBe(1);
    expect(readSamples((await other.metrics()).text)).not.toHaveProperty([presigned]);
    await expect(uncounted.metrics()).rejects.toThrow(/without this option, or METRICS_PORT/);
  });

  it('makes a ticket, which alone lets a guest upload within its limits', async () => {
    const signpost = library.open();
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
    const upload = (await answer.json()) as PresignedUpload;
    expect(upload.objectKey).toMatch(/^gina\/case-42\//);
    await put(upload);
    expect((await call('/confirm-upload', { objectKey: upload.objectKey })).status).toBe(201);
    expect((await call('/presign-upload', { ...text, recordId: 'case-42' })).status).toBe(403);
    expect((await call('/presign-download', { fileId: upload.fileId })).status).toBe(403);

    const wrong = (change: object) => signpost.ticket({ userId: 'gina', limits, ttlSeconds: 60, ...change });
    for (const change of [{ ttlSeconds: 0 }, { ttlSeconds: 1.5 }, { limits: { maxFiles: -1 } }, { ownerId: 'team' }]) {
      await expect(wrong(change)).rejects.toThrow(TypeError);
    }
    const withSession = library.open({ authorize: asHeader });
    await expect(withSession.ticket({ userId: 'gina', limits, ttlSeconds: 60 })).rejects.toThrow(/no token is read/);
  });

  it('refuses a list or null for a setting that would mean something else as text', () => {
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
    for (const options of [null, 'postgres://db', Promise.resolve({})]) {
      expect(failing(options as object)).toEqual(new ConfigError('the options must be an object'));
    }
    expect(failing({ settings: Promise.resolve({}), logger: { ...console, debug: 1 } })).toMatchObject({
      message: expect.stringMatching(/^settings must be an object of settings.*\nlogger must be /),
    });
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

  it('says when the credentials of the settings have expired', async () => {
    const ended = { AWS_SESSION_TOKEN: 'token', AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00Z' };
    await expect(library.open({ settings: ended }).ready()).rejects.toThrow(
      'AWS_CREDENTIAL_EXPIRATION: the credentials have expired',
    );
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
let alices: { fileId: string; objectKey: string };
/** Uploaded, and not confirmed. */
let pending: { fileId: string; objectKey: string };
beforeAll(async () => {
  service = await startTestService({ env: { PROXY_DOWNLOADS: 'true' } });
  alices = await service.store('alice', 'secret');
  const upload = await service.presign('alice', { fileName: 'b.txt', contentType: 'text/plain', size: 5 });
  await service.put(upload, 'hello');
  pending = upload;
});
afterAll(() => service.close());

/** Every route that takes a key or an id in its body. */
const BODIES: Record<string, (name: { objectKey: string; fileId: string }) => [string, unknown]> = {
  confirm: ({ objectKey }) => ['/confirm-upload', { objectKey }],
  'presign-download by key': ({ objectKey }) => ['/presign-download', { objectKey }],
  'presign-download by id': ({ fileId }) => ['/presign-download', { fileId }],
  abort: ({ objectKey }) => ['/abort-upload', { objectKey }],
  'list parts': ({ objectKey }) => ['/list-parts', { objectKey, uploadId: 'x' }],
  'presign parts': ({ objectKey }) => ['/presign-parts', { objectKey, uploadId: 'x', partNumbers: [1] }],
  'sign a part': ({ objectKey }) => ['/sign-request', { method: 'PUT', key: objectKey, uploadId: 'x', partNumber: 1 }],
};

/** Aborting is idempotent: under one's own prefix there may be nothing to abort. */
const refusals = (path: string) => [400, 403, 404, 409, 413, ...(path === '/abort-upload' ? [204] : [])];

/** Other spellings of a key under which some store or proxy would find alice's object. */
const SPELLINGS: Record<string, (key: string) => string> = {
  'as it is': (key) => key,
  'with a slash before': (key) => `/${key}`,
  'with two slashes': (key) => key.replace('/', '//'),
  'with a dot segment': (key) => `./${key}`,
  'up from her own prefix': (key) => `mallory/../${key}`,
  'up, encoded': (key) => `mallory/%2e%2e/${key}`,
  'up, encoded twice': (key) => `mallory/%252e%252e/${key}`,
  'up, with backslashes': (key) => `mallory\\..\\${key.replaceAll('/', '\\')}`,
  'under her own prefix': (key) => `mallory/${key}`,
  'with her name in front of the id': (key) => key.replace(/^alice/, 'mallory'),
  'in capitals': (key) => key.toUpperCase(),
  'with an encoded slash': (key) => key.replaceAll('/', '%2F'),
  'with the encoded name of the user': (key) => key.replace(/^alice/, `~${Buffer.from('alice').toString('base64url')}`),
  'with a NUL': (key) => `${key}\u0000`,
  'with a line break': (key) => `${key}\r\nx-amz-acl: public-read`,
  'with a space': (key) => ` ${key}`,
  'with a full-width letter': (key) => key.replace('a', '\uff41'),
  'with a joiner': (key) => key.replace('alice', 'al\u200dice'),
  'with half a character': (key) => `${key}\ud800`,
  'as a verified copy': (key) => `.verified/0198c0de-0000-7000-8000-000000000001/${key}`,
  'with a query': (key) => `${key}?versionId=null`,
  'with a fragment': (key) => `${key}#`,
  'with a star': () => 'alice/*',
  'her prefix alone': () => 'alice/',
  nothing: () => '',
  "the sweeper's marker": () => '.signpost-marker',
  'a name of the prototype': () => '__proto__',
  SQL: (key) => `${key}' or '1'='1`,
  '4 MB': () => `mallory/${'x'.repeat(4_000_000)}`,
};

describe("another user's file", () => {
  for (const [route, toRequest] of Object.entries(BODIES)) {
    it.each(Object.keys(SPELLINGS))(`is out of reach of ${route}, its key %s`, async (spelling) => {
      for (const target of [alices, pending]) {
        const objectKey = SPELLINGS[spelling]?.(target.objectKey) ?? '';
        const [path, body] = toRequest({ objectKey, fileId: target.fileId });
        const { status } = await service.call('mallory', path, body);
        expect(refusals(path), path).toContain(status);
      }
    });
  }

  it.each([
    ['GET', ''],
    ['GET', '/download'],
    ['GET', '/content'],
    ['HEAD', '/content'],
    ['PATCH', ''],
    ['POST', '/archive'],
    ['POST', '/restore'],
    ['DELETE', ''],
  ])('is out of reach of %s /files/{id}%s', async (method, path) => {
    const ids = [alices.fileId, alices.fileId.toUpperCase(), `${alices.fileId}%00`, `..%2f${alices.fileId}`];
    for (const id of ids) {
      const body = method === 'PATCH' ? { fileName: 'mine.txt' } : undefined;
      const init = { method, ...(method === 'POST' && { body: '{}' }) };
      const { status } = await service.call('mallory', `/files/${id}${path}`, body, init);
      expect([400, 404], `${method} ${id}`).toContain(status);
    }
  });

  it('is as it was after all of this', async () => {
    expect((await service.bucket.read(alices.objectKey))?.toString()).toBe('secret');
    const { body } = await service.call('alice', `/files/${alices.fileId}`);
    expect(body).toMatchObject({ fileName: 'a.txt', status: 'active' });
    expect((await service.confirm('alice', pending.objectKey)).status).toBe(201);
  });
});

describe('any text as a key or an id', () => {
  /** What was found once, or is likely to be: tried first each time. */
  const KEPT = [
    '\u0000',
    '\ud800',
    '%',
    '%00',
    '../',
    '{}',
    '[]',
    'null',
    'mallory/',
    'mallory/_/_/',
    '\u202e',
    '~',
    '~~',
    '~!',
  ];
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }).map((tail) => `mallory/${tail}`),
    fc
      .tuple(
        fc.string({ maxLength: 10 }),
        fc.string({ maxLength: 10 }),
        fc.uuid({ version: 7 }),
        fc.string({ maxLength: 20 }),
      )
      .map((parts) => `mallory/${parts.join('/')}`),
  );

  it.each(Object.keys(BODIES))('is answered by %s with a refusal', async (route) => {
    await fc.assert(
      fc.asyncProperty(text, async (objectKey) => {
        const [path, body] = BODIES[route]?.({ objectKey, fileId: objectKey }) ?? ['', {}];
        const { status } = await service.call('mallory', path, body);
        expect(refusals(path)).toContain(status);
      }),
      { seed: 20261127, numRuns: 60, examples: KEPT.map((each): [string] => [each]) },
    );
  });

  it('never makes a key outside the own prefix', async () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(name, fc.option(name), fc.option(name), async (fileName, recordId, documentType) => {
        const more = { ...(recordId !== null && { recordId }), ...(documentType !== null && { documentType }) };
        const { status, body } = await service.call<{ objectKey: string }>('mallory', '/presign-upload', {
          fileName,
          contentType: 'text/plain',
          size: 1,
          ...more,
        });
        if (status !== 200) {
          expect(status).toBe(400);
          return;
        }
        expect(body.objectKey).toMatch(/^mallory\/[\w.-]+\/[\w.-]+\/[0-9a-f-]{36}\/[\w.-]+$/);
        expect(body.objectKey).not.toMatch(/(^|\/)\.\.?(\/|$)/);
      }),
      {
        seed: 20261127,
        numRuns: 80,
        examples: [
          ['../../alice/x', null, null],
          ['a\r\nb', null, null],
          ['x', '..', '.'],
          ['x', '_', '_'],
          ['x', '__proto__', 'constructor'],
        ],
      },
    );
  });

  it.each([
    '.',
    '..',
    '...',
    '../x',
    '..\\x',
    'C:\\x',
    '/etc/passwd',
    '\u202egpj.exe',
    'a/b/c',
    'nul',
    '-rf',
    '%2e%2e%2f',
  ])('the file name %j is reduced to a plain segment, or refused', async (fileName) => {
    const { status, body } = await service.call<{ objectKey: string }>('mallory', '/presign-upload', {
      fileName,
      contentType: 'text/plain',
      size: 1,
    });
    if (status !== 200) return expect(status).toBe(400);
    const segments = body.objectKey.split('/');
    expect([segments.length, segments[0]]).toEqual([5, 'mallory']);
    expect(segments[4]).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(segments[4]).not.toMatch(/^\.+$/);
  });
});

describe('users whose ids look alike', () => {
  it.each([
    ['alice', 'alice/'],
    ['alice', 'alice/x'],
    ['alice', 'Alice'],
    ['alice', '~YWxpY2U'],
    ['a/b', 'a'],
    ['a%2Fb', 'a/b'],
    ['a.', 'a'],
    ['..', '.'],
    ['é', 'e\u0301'],
    ['_', '.verified'],
    ['~', '~fg'],
  ])('%j and %j share no prefix', async (one, other) => {
    const keyOf = async (user: string) =>
      (await service.presign(user, { fileName: 'a', contentType: 'text/plain', size: 1 })).objectKey;
    const [first, second] = [await keyOf(one), await keyOf(other)];
    const prefix = (key: string) => key.slice(0, key.indexOf('/') + 1);
    expect(prefix(first)).not.toBe(prefix(second));
    for (const [user, key] of [
      [one, second],
      [other, first],
    ] as const) {
      expect((await service.confirm(user, key)).status).toBe(403);
    }
  });
});

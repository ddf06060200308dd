import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { changedText } from './changed-text.ts';

type File = Record<string, unknown> & { fileId: string; objectKey: string; status: string };

let service: TestService;
/** Held; nothing here may change it. */
let alices: File;
beforeAll(async () => {
  const env = { HOLD_UPLOADS: 'true', PROXY_DOWNLOADS: 'true', UPLOAD_POLICIES: '{"free":{"hold":false}}' };
  service = await startTestService({ env });
  alices = (await service.store('alice', 'secret')) as File;
});
afterAll(() => service.close());

type Claims = Record<string, unknown>;
const as = async (
  claims: Claims,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  method?: string,
) =>
  service.call<File>('mallory', path, body, {
    headers: { authorization: `Bearer ${await mint(String(claims.sub ?? 'mallory'), claims)}`, ...headers },
    ...(method !== undefined && { method }),
  });
const JUDGE = { sub: 'judge', scope: 'files:judge' };
const judge = (owner: string, fileId: string, body: unknown) =>
  as(JUDGE, `/files/${fileId}/verdict`, body, { 'x-on-behalf-of': owner });
const CLEAN = { verdict: 'clean' };
const REJECTED = { verdict: 'rejected', reason: 'Eicar' };
const stateOf = async ({ fileId }: Pick<File, 'fileId'>, owner = 'alice') =>
  (await service.call<File>(owner, `/files/${fileId}`)).body.status;

describe('a verdict by a caller who is not a judge', () => {
  const TOKENS: Record<string, Claims> = {
    'no scope, for her own file': { sub: 'alice' },
    'all scopes of a user, for her own file': { sub: 'alice', scope: 'files:read files:write files:credentials' },
    'no scope': {},
    'the scopes of a user': { scope: 'files:read files:write files:credentials' },
    'a scope in capitals': { scope: 'FILES:JUDGE' },
    'a longer scope': { scope: 'files:judges files:judge2' },
    'a scope with a comma': { scope: 'files:judge,files:read' },
    'a scope in quotes': { scope: '"files:judge"' },
    'a scope with another blank': { scope: 'files:read\u00a0files:judge' },
    'a Cyrillic letter': { scope: 'files:judg\u0435' },
    'the star': { scope: '*' },
    'files:*': { scope: 'files:*' },
    'another claim': { role: 'files:judge', roles: ['files:judge'], permissions: ['files:judge'], admin: true },
    'its ticket': { scope: 'files:write', signpost: { scope: 'files:judge' } },
  };

  it.each(Object.keys(TOKENS))('is refused with %s', async (name) => {
    for (const headers of [{}, { 'x-on-behalf-of': 'alice' }] as Record<string, string>[]) {
      for (const body of [CLEAN, REJECTED, undefined]) {
        const { status } = await as(TOKENS[name] ?? {}, `/files/${alices.fileId}/verdict`, body, headers);
        expect([400, 401, 403]).toContain(status);
      }
    }
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('has no route by %s', async (method) => {
    const { status } = await as(JUDGE, `/files/${alices.fileId}/verdict`, CLEAN, { 'x-on-behalf-of': 'alice' }, method);
    expect([403, 404, 405]).toContain(status);
  });
});

describe("a verdict on another's file", () => {
  const OWNERS: Record<string, () => string> = {
    bob: () => 'bob',
    'a longer name': () => 'alice2',
    'the name in capitals': () => 'ALICE',
    'two names': () => 'alice, bob',
    'the segment of her keys': () => 'alice/',
    'an encoded name': () => '%61lice',
    'a path': () => 'bob/../alice',
    'the star': () => '*',
    SQL: () => "bob' or '1'='1",
  };
  it.each(Object.keys(OWNERS))('is refused in the name of %s', async (name) => {
    for (const body of [CLEAN, REJECTED, undefined]) {
      const headers = { 'x-on-behalf-of': OWNERS[name]?.() ?? '' };
      const { status } = await as(JUDGE, `/files/${alices.fileId}/verdict`, body, headers);
      expect([400, 404]).toContain(status);
    }
  });

  const IDS: Record<string, () => string> = {
    'without hyphens': () => alices.fileId.replaceAll('-', ''),
    'in braces': () => `%7B${alices.fileId}%7D`,
    'with a NUL': () => `${alices.fileId}%00`,
    'as her key': () => encodeURIComponent(alices.objectKey),
    'of nobody': () => '0198c0de-0000-7000-8000-000000000001',
    'up and down': () => `..%2ffiles%2f${alices.fileId}`,
    'a star': () => '*',
  };
  it.each(Object.keys(IDS))('is refused with an id %s', async (name) => {
    for (const body of [CLEAN, REJECTED]) {
      expect([400, 404]).toContain((await judge('alice', IDS[name]?.() ?? '', body)).status);
    }
  });
});

describe('a verdict in other words', () => {
  const WORDS = [
    'Clean',
    'CLEAN',
    ' clean',
    'clean ',
    'clean\u0000',
    '\u0441lean',
    'ok',
    'pass',
    'active',
    'held',
    'archived',
    'deleted',
    'refused',
    '',
    '__proto__',
    'constructor',
    'toString',
    'clean rejected',
    'rejected,clean',
    true,
    1,
    0,
    null,
    ['clean'],
    { clean: true },
    { verdict: 'clean' },
  ];
  it.each(WORDS.map((word) => [JSON.stringify(word), word]))('is refused: %s', async (_, verdict) => {
    expect((await judge('alice', alices.fileId, { verdict, reason: 'x' })).status).toBe(400);
  });

  const BODIES: Record<string, unknown> = {
    nothing: {},
    'a list': [CLEAN],
    'a text': '"clean"',
    'another state beside it': { ...CLEAN, status: 'active' },
    'another file beside it': { ...CLEAN, fileId: '0198c0de-0000-7000-8000-000000000001' },
    'its time beside it': { ...CLEAN, at: '2020-01-01T00:00:00Z' },
    'its owner beside it': { ...CLEAN, ownerId: 'bob' },
    'no reason': { verdict: 'rejected' },
    'an empty reason': { verdict: 'rejected', reason: '' },
    'a reason with a line break': { verdict: 'rejected', reason: 'a\r\nb' },
    'a reason read backwards': { verdict: 'rejected', reason: '\u202egpj.exe' },
    'half a character as a reason': { verdict: 'rejected', reason: '\ud800' },
    'a reason of 1 kB': { verdict: 'rejected', reason: 'x'.repeat(1000) },
    'a reason that is a list': { verdict: 'rejected', reason: ['x'] },
    'a judge of 1 kB': { ...CLEAN, by: 'x'.repeat(1000) },
    'a judge with a NUL': { ...CLEAN, by: 'a\u0000' },
    'cut JSON': '{"verdict":"clean"',
    'a second document': '{"verdict":"clean"}{"verdict":"clean"}',
    'a form': 'verdict=clean',
  };
  it.each(Object.keys(BODIES))('is refused: %s', async (name) => {
    expect((await judge('alice', alices.fileId, BODIES[name])).status).toBe(400);
  });

  it('is refused with any change but of spaces', async () => {
    const text = JSON.stringify(CLEAN);
    await fc.assert(
      fc.asyncProperty(changedText(text), async (changed) => {
        fc.pre(changed !== '' && changed.replaceAll(' ', '') !== text);
        expect((await judge('alice', alices.fileId, changed)).status).toBe(400);
      }),
      { seed: 20261127, numRuns: 150 },
    );
  });
});

describe('a held file, after all of this', () => {
  it('is as it was', async () => {
    expect(await stateOf(alices)).toBe('held');
    expect(String(await service.bucket.read(alices.objectKey))).toBe('secret');
  });
});

describe('a verdict on what is not held', () => {
  const PREPARE: Record<string, () => Promise<{ fileId: string }>> = {
    'an upload that was not sent': () =>
      service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 5 }),
    'an upload that was not confirmed': async () => {
      const upload = await service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
      await service.put(upload, 'hello');
      return upload;
    },
    'an upload that was aborted': async () => {
      const upload = await service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
      await service.call('bob', '/abort-upload', { objectKey: upload.objectKey });
      return upload;
    },
    'an upload that was refused': async () => {
      const upload = await service.presign('bob', { fileName: 'a.png', contentType: 'image/png', size: 5 });
      await service.put(upload, '%PDF-');
      await service.confirm('bob', upload.objectKey);
      return upload;
    },
    'a file that was deleted': async () => {
      const file = await service.store('bob', 'hello');
      await service.call('bob', `/files/${file.fileId}`, undefined, { method: 'DELETE' });
      return file;
    },
    'a file that was never held': () => service.store('bob', 'hello', { documentType: 'free' }),
    'an archived file that was never held': async () => {
      const file = await service.store('bob', 'hello', { documentType: 'free' });
      await service.call('bob', `/files/${file.fileId}/archive`, {});
      return file;
    },
  };
  it.each(Object.keys(PREPARE))('is refused, and changes nothing: %s', async (name) => {
    const file = await PREPARE[name]?.();
    if (file === undefined) throw new Error(name);
    const before = await stateOf(file, 'bob');
    for (const body of [CLEAN, REJECTED]) expect([404, 409]).toContain((await judge('bob', file.fileId, body)).status);
    expect(await stateOf(file, 'bob')).toBe(before);
  });
});

describe('verdicts, and what an owner does meanwhile', () => {
  type Step = 'clean' | 'rejected' | 'delete' | 'archive' | 'restore' | 'rename' | 'retype' | 'confirm';
  const STEPS: Record<Step, (file: File) => Promise<{ status: number }>> = {
    clean: ({ fileId }) => judge('carl', fileId, CLEAN),
    rejected: ({ fileId }) => judge('carl', fileId, REJECTED),
    delete: ({ fileId }) => service.call('carl', `/files/${fileId}`, undefined, { method: 'DELETE' }),
    archive: ({ fileId }) => service.call('carl', `/files/${fileId}/archive`, {}),
    restore: ({ fileId }) => service.call('carl', `/files/${fileId}/restore`, {}),
    rename: ({ fileId }) => service.call('carl', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' }),
    retype: ({ fileId }) => service.call('carl', `/files/${fileId}`, { documentType: 'free' }, { method: 'PATCH' }),
    confirm: ({ objectKey }) => service.confirm('carl', objectKey),
  };
  const step = fc.constantFrom(...(Object.keys(STEPS) as Step[]));
  const runs = { seed: 20261127, numRuns: 12 };

  /** Whatever happened: the state, the bytes on every route, the object and the audit log say the same. */
  async function expectConsistent({ fileId, objectKey }: File, done: readonly Step[]): Promise<void> {
    const state = (await stateOf({ fileId }, 'carl')) as unknown;
    const { status } = await service.call('carl', '/presign-download', { fileId });
    const { events } = (
      await service.call<{ events: { action: string; outcome: string; fileId: string }[] }>('carl', '/audit?limit=100')
    ).body;
    const of = (action: string) =>
      events.some((event) => event.fileId === fileId && event.action === action && event.outcome === 'ok');
    expect(of('file.clean') && of('file.rejected'), `both verdicts: ${done}`).toBe(false);
    if (status === 200) expect([state, of('file.clean'), of('file.delete')]).toEqual(['active', true, false]);
    if (state === 'active' || state === 'archived') expect(of('file.clean')).toBe(true);
    if (state === 'rejected') expect(of('file.rejected')).toBe(true);
    const isThere = state === 'held' || state === 'active' || state === 'archived';
    expect((await service.bucket.read(objectKey)) !== null, `${state} after ${done}`).toBe(isThere);
  }

  it('agree in any order, one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        const file = (await service.store('carl', 'hello')) as File;
        for (const each of steps) expect((await STEPS[each](file)).status).toBeLessThan(500);
        await expectConsistent(file, steps);
      }),
      { ...runs, examples: [[['rejected', 'confirm', 'clean', 'restore']], [['delete', 'clean', 'confirm']]] },
    );
  });

  it('agree if they come at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        const file = (await service.store('carl', 'hello')) as File;
        const answers = await Promise.all(steps.map((each) => STEPS[each](file)));
        for (const { status } of answers) expect(status).toBeLessThan(500);
        await expectConsistent(file, steps);
      }),
      { ...runs, examples: [[['clean', 'rejected', 'delete']], [['rejected', 'confirm', 'clean', 'confirm']]] },
    );
  });
});

import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';
import { PRESIGN, service, withToken } from './access-service.ts';

describe('authentication', () => {
  it.each([
    ['no token', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['garbage', { authorization: 'Bearer x.y.z' }],
    ['alg none', { authorization: `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"sub":"alice"}')}.` }],
  ])('answers 401 to %s on every route that is not open', async (_, headers: Record<string, string>) => {
    for (const path of ['/files', '/presign-upload', '/files/x/download', '/no-such-route']) {
      const response = await service.app.request(path, { headers });
      const answer = { status: response.status, headers: response.headers, body: await response.json() };
      expectProblem(answer as never, 401, 'unauthenticated');
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
  });

  it('answers 401 to an expired token and to one with another signature', async () => {
    const expired = await mint('alice', { exp: Math.floor(Date.now() / 1000) - 6 });
    const forged = (await mint('alice')).replace(/.{5}$/, 'AAAAA');
    for (const token of [expired, forged]) {
      expectProblem(await service.call('x', '/files', undefined, withToken(token)), 401, 'unauthenticated');
    }
  });
});

describe('scopes', () => {
  it.each([
    ['files:read', 200, 403],
    ['files:write', 403, 200],
    ['files:read files:write', 200, 200],
    ['files:admin', 200, 200],
    ['', 403, 403],
    ['openid', 403, 403],
  ])('with "%s" reading is %i and presigning %i', async (scope, reading, writing) => {
    const token = withToken(await mint('scoped', { scope }));
    const read = await service.call('x', '/files', undefined, token);
    const write = await service.call('x', '/presign-upload', PRESIGN, token);
    expect([read.status, write.status]).toEqual([reading, writing]);
    for (const answer of [read, write]) if (answer.status === 403) expectProblem(answer, 403, 'forbidden');
  });

  it.each<[string, Record<string, unknown>, object]>([
    ['has expired', { exp: 1_700_000_000 }, { code: 'ERR_JWT_EXPIRED', claim: 'exp' }],
    ['is not valid yet', { nbf: 4_000_000_000 }, { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'nbf' }],
    ['names no user', { sub: undefined }, { claim: 'sub', why: 'the token names no user id' }],
  ])('logs why a token that %s was refused, and none of its values', async (_name, claims, refusal) => {
    const token = await mint('alice-private', { mail: 'alice@private.example', ...claims });
    expectProblem(await service.call('x', '/files', undefined, withToken(token)), 401, 'unauthenticated');
    const line = service.logs.at(-1);
    expect(line).toMatchObject({ level: 'info', message: 'request', fields: { status: 401, refusal } });
    for (const secret of ['private', ...token.split('.')]) expect(JSON.stringify(line)).not.toContain(secret);
  });

  it('logs a missing token, a malformed one, a wrong signature and a wrong alg', async () => {
    const alien = await new SignJWT({ sub: 'x' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from('y'.repeat(32)));
    for (const [authorization, refusal] of [
      ['', { why: 'there is no Authorization header' }],
      ['Bearer rubbish', { code: 'ERR_JWS_INVALID' }],
      [`Bearer ${alien}`, { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }],
      ['Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', { code: 'ERR_JOSE_ALG_NOT_ALLOWED' }],
    ] as const) {
      expectProblem(
        await service.call('x', '/files', undefined, { headers: { authorization } }),
        401,
        'unauthenticated',
      );
      expect(service.logs.at(-1)?.fields).toMatchObject({ refusal });
    }
  });

  it('lets only an admin act for another user, and logs both', async () => {
    const file = await service.store('alice', 'hello');
    const behalf = { 'x-on-behalf-of': 'alice' };
    const admin = withToken(await mint('root', { scope: 'files:admin' }), behalf);
    expect((await service.call('x', `/files/${file.fileId}`, undefined, admin)).body).toEqual(file);
    expect(service.logs.at(-1)?.fields).toMatchObject({ userId: 'alice', actorId: 'root' });
    const bob = withToken(await mint('bob'), behalf);
    expectProblem(await service.call('x', `/files/${file.fileId}`, undefined, bob), 403, 'forbidden');
  });

  it('reads the other user’s id as UTF-8', async () => {
    const file = await service.store('用户', 'hello');
    const utf8 = Buffer.from('用户').toString('latin1');
    const admin = withToken(await mint('root', { scope: 'files:admin' }), { 'x-on-behalf-of': utf8 });
    expect((await service.call('x', `/files/${file.fileId}`, undefined, admin)).status).toBe(200);
  });
});

describe('the routes', () => {
  it('are served by Hono’s fast router', async () => {
    await service.call('alice', '/healthz');
    expect(service.app.router.name).toBe('SmartRouter + RegExpRouter');
  });
});

describe('a key set that does not answer', () => {
  it('gives a 503 with Retry-After for its tokens only, logged once and not for each request', async () => {
    const keyless = await startTestService({ env: { JWKS_URL: 'http://127.0.0.1:1/jwks' } });
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
    for (const _attempt of [1, 2, 3]) {
      const answer = await keyless.call('x', '/files', undefined, withToken(token));
      expectProblem(answer, 503, 'keys-unavailable');
      expect(answer.headers.get('retry-after')).toBe('5');
      const refusal = { why: expect.stringContaining('cannot be fetched') };
      expect(keyless.logs.at(-1)).toMatchObject({ level: 'info', fields: { status: 503, refusal } });
    }
    expect((await keyless.call('alice', '/files')).status).toBe(200);
    const alarms = keyless.logs.filter(({ level }) => level !== 'info').map(({ message }) => message);
    expect(alarms).toEqual([expect.stringContaining('JWKS_URL could not be fetched: until it is')]);
    await keyless.close();
  });
});

describe('JWT_OWNER_CLAIM', () => {
  let teams: TestService;
  beforeAll(async () => {
    teams = await startTestService({
      env: { JWT_OWNER_CLAIM: 'org.id', QUOTA_FILES: '2', RATE_LIMIT_PER_MINUTE: '1000' },
    });
  });
  afterAll(() => teams.close());
  const member = async (user: string, team: unknown, claims: Record<string, unknown> = {}, more = {}) =>
    withToken(await mint(user, { org: { id: team }, ...claims }), more);
  const listed = async (token: Awaited<ReturnType<typeof member>>) => {
    const { body } = await teams.call<{ files: { fileId: string }[] }>('x', '/files', undefined, token);
    return body.files.map(({ fileId }) => fileId);
  };

  it('gives a team its files, key prefix and quota, and names the person in the audit log', async () => {
    const [ann, ben] = [await member('ann', 'acme'), await member('ben', 'acme')];
    const presigned = await teams.call<Upload>('x', '/presign-upload', PRESIGN, ann);
    expect(presigned.body.objectKey).toMatch(/^acme\//);
    await teams.put(presigned.body, 'hello');
    const file = await teams.call('x', '/confirm-upload', { objectKey: presigned.body.objectKey }, ben);
    expect(file.status).toBe(201);
    expect(teams.logs.at(-1)?.fields).toMatchObject({ userId: 'acme', actorId: 'ben' });
    expect(await listed(ann)).toEqual([file.body.fileId]);
    expect((await teams.call('x', '/usage', undefined, ben)).body).toMatchObject({ files: 1, quotaFiles: 2 });
    const audit = await teams.call<{ events: object[] }>('x', '/audit', undefined, ann);
    expect(audit.body.events).toMatchObject([{ action: 'upload.confirm', actorId: 'ben', userId: 'acme' }]);
  });

  it('gives nothing to a person with the team’s id, nor to a member of another team', async () => {
    expect(await listed(await member('acme', 'globex'))).toEqual([]);
    expect(await listed(await member('ann', 'globex'))).toEqual([]);
    for (const token of [withToken(await mint('acme')), await member('acme', ''), await member('acme', null)]) {
      expectProblem(await teams.call('x', '/files', undefined, token), 401, 'unauthenticated');
      expect(teams.logs.at(-1)?.fields).toMatchObject({ refusal: { claim: 'org.id' } });
    }
  });

  it('lets an admin read the whole audit log, and act for another team', async () => {
    const admin = { scope: 'files:admin' };
    const own = await teams.call<{ events: object[] }>('x', '/audit', undefined, await member('root', 'staff', admin));
    expect(own.body.events.length).toBeGreaterThan(0);
    expect(await listed(await member('root', 'staff', admin, { 'x-on-behalf-of': 'acme' }))).toHaveLength(1);
    const staff = await member('root', 'staff', admin, { 'x-on-behalf-of': 'staff' });
    expect((await teams.call<{ events: object[] }>('x', '/audit', undefined, staff)).body.events).toEqual([]);
  });

  it('counts requests per person', async () => {
    const remaining = async (user: string) => {
      const { headers } = await teams.call('x', '/limits', undefined, await member(user, 'counted'));
      return /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
    };
    expect([await remaining('first'), await remaining('second')]).toEqual(['999', '999']);
  });
});

import { inspect } from 'node:util';
import type { JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { bearer, createClock, handMade, problemOf, SECRET, START_SECONDS, signedByHand } from './tokens.ts';
import { type Env, verifierWith } from './verifier-with.ts';

describe('the Authorization header', () => {
  it.each([
    ['nothing', undefined],
    ['an empty one', ''],
    ['another scheme', 'Basic YWxpY2U6c2VjcmV0'],
    ['the scheme alone', 'Bearer'],
    ['no token', 'Bearer '],
    ['two tokens', 'Bearer abc def'],
    ['two tokens in a list', 'Bearer abc, Bearer def'],
    ['characters outside token68', 'Bearer a.b.ü'],
    ['no JWT', 'Bearer garbage'],
    ['three empty parts', 'Bearer ..'],
    ['a header that is not JSON', handMade('{nope', { sub: 'alice' }, 'c2ln')],
    ['an encrypted token', 'Bearer a.b.c.d.e'],
  ])('answers %s with unauthenticated and the challenge', async (_name, header) => {
    const verify = await verifierWith();
    const problem = await problemOf(() => verify(header));
    expect(problem.code).toBe('unauthenticated');
    expect(problem.headers).toEqual({ 'www-authenticate': 'Bearer error="invalid_token"' });
  });

  it('accepts the scheme in any case', async () => {
    const verify = await verifierWith();
    const header = await bearer({ sub: 'alice' });
    expect(await verify(header.replace('Bearer', 'bEARER'))).toMatchObject({ userId: 'alice', actorId: 'alice' });
  });

  it('accepts a token of 8 KiB and refuses a larger one', async () => {
    const verify = await verifierWith();
    const tokenLength = async (padding: number) => (await bearer({ sub: 'a', p: 'x'.repeat(padding) })).length - 7;
    // Base64url grows in steps of 1 and 2 characters: the largest token that fits is at the limit or just below it.
    let padding = 6000;
    while ((await tokenLength(padding + 1)) <= 8192) padding += 1;
    expect(await verify(await bearer({ sub: 'a', p: 'x'.repeat(padding) }))).toMatchObject({ userId: 'a' });
    const problem = await problemOf(async () => verify(await bearer({ sub: 'a', p: 'x'.repeat(padding + 1) })));
    expect(problem).toMatchObject({ code: 'unauthenticated', message: 'the token has over 8192 bytes' });
  });
});

describe('algorithms under a secret', () => {
  it.each(['HS256', 'HS384', 'HS512'])('takes %s', async (alg) => {
    const verify = await verifierWith();
    expect(await verify(await bearer({ sub: 'alice' }, Buffer.from(SECRET), { alg }))).toMatchObject({
      userId: 'alice',
    });
  });

  it.each([
    ['alg none', handMade({ alg: 'none' }, { sub: 'alice' })],
    ['alg None', handMade({ alg: 'None' }, { sub: 'alice' })],
    ['no alg', handMade({}, { sub: 'alice' }, 'c2ln')],
    ['RS256', handMade({ alg: 'RS256' }, { sub: 'alice' }, 'c2ln')],
    ['a name from Object.prototype', handMade({ alg: 'constructor' }, { sub: 'alice' }, 'c2ln')],
  ])('refuses %s', async (_name, header) => {
    const verify = await verifierWith();
    expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
  });

  it('refuses another secret, a changed payload and a removed signature', async () => {
    const verify = await verifierWith();
    const header = await bearer({ sub: 'alice' });
    const [start, , signature] = header.split('.');
    const changed = `${start}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.${signature}`;
    const unsigned = header.slice(0, header.lastIndexOf('.') + 1);
    for (const bad of [await bearer({ sub: 'alice' }, Buffer.from(`${SECRET}!`)), changed, unsigned]) {
      expect((await problemOf(() => verify(bad))).code).toBe('unauthenticated');
    }
  });

  it('refuses algorithms that are not in JWT_ALGORITHMS', async () => {
    const verify = await verifierWith({ JWT_ALGORITHMS: 'HS512' });
    expect((await problemOf(async () => verify(await bearer({ sub: 'alice' })))).code).toBe('unauthenticated');
    const hs512 = await bearer({ sub: 'alice' }, Buffer.from(SECRET), { alg: 'HS512' });
    expect(await verify(hs512)).toMatchObject({ userId: 'alice' });
  });

  it.each(['RS256', 'HS256,none', ','])('does not start with JWT_ALGORITHMS %j', async (JWT_ALGORITHMS) => {
    const failure: unknown = await verifierWith({ JWT_ALGORITHMS }).catch((error) => error);
    expect(String(failure)).toContain('JWT_ALGORITHMS');
    expect(String(failure)).not.toContain(SECRET);
  });

  it('refuses an unknown critical header parameter', async () => {
    const verify = await verifierWith();
    const known = await bearer({ sub: 'alice' }, Buffer.from(SECRET), { alg: 'HS256', 'x-limit': 1 });
    expect(await verify(known)).toMatchObject({ userId: 'alice' });
    const critical = signedByHand({ alg: 'HS256', crit: ['x-limit'], 'x-limit': 1 }, { sub: 'alice' });
    expect((await problemOf(() => verify(critical))).code).toBe('unauthenticated');
  });
});

describe('claims', () => {
  it.each<[string, Env, JWTPayload]>([
    ['no exp', {}, {}],
    ['exp 4 s ago', {}, { exp: START_SECONDS - 4 }],
    ['nbf in 5 s', {}, { nbf: START_SECONDS + 5 }],
    ['iat in the future', {}, { iat: START_SECONDS + 3600 }],
    ['the issuer', { JWT_ISSUER: 'https://id.example/' }, { iss: 'https://id.example/' }],
    ['the audience', { JWT_AUDIENCE: 'signpost' }, { aud: 'signpost' }],
    ['the audience in a list', { JWT_AUDIENCE: 'signpost' }, { aud: ['other', 'signpost'] }],
    ['any issuer and audience when none is set', {}, { iss: 'x', aud: 'y' }],
  ])('takes %s', async (_name, env, claims) => {
    const verify = await verifierWith(env);
    expect(await verify(await bearer({ sub: 'alice', ...claims }))).toMatchObject({ userId: 'alice' });
  });

  const mismatch = "the token's signature or claims do not verify";
  it.each<[string, string, Env, JWTPayload]>([
    ['exp 5 s ago', 'the token has expired', {}, { exp: START_SECONDS - 5 }],
    ['nbf in 6 s', 'the token is not valid yet', {}, { nbf: START_SECONDS + 6 }],
    ['another issuer', mismatch, { JWT_ISSUER: 'https://id.example/' }, { iss: 'https://id.example' }],
    ['no issuer', mismatch, { JWT_ISSUER: 'https://id.example/' }, {}],
    ['another audience', mismatch, { JWT_AUDIENCE: 'signpost' }, { aud: 'signpost2' }],
    ['a list without the audience', mismatch, { JWT_AUDIENCE: 'signpost' }, { aud: ['other'] }],
    ['no audience', mismatch, { JWT_AUDIENCE: 'signpost' }, {}],
  ])('refuses %s: %s', async (_name, detail, env, claims) => {
    const verify = await verifierWith(env);
    const problem = await problemOf(async () => verify(await bearer({ sub: 'alice', ...claims })));
    expect(problem).toMatchObject({ code: 'unauthenticated', message: detail });
  });

  it.each([
    ['exp as text', { exp: 'soon' }],
    ['nbf as text', { nbf: 'soon' }],
    ['exp null', { exp: null }],
  ])('refuses %s', async (_name, claims) => {
    const verify = await verifierWith();
    const problem = await problemOf(() => verify(signedByHand({ alg: 'HS256' }, { sub: 'alice', ...claims })));
    expect(problem).toMatchObject({ code: 'unauthenticated', message: mismatch });
  });

  it.each([
    ['missing', {}],
    ['empty', { sub: '' }],
    ['a number in sub', { sub: 7 }],
    ['a list', { sub: ['alice'] }],
    ['one with a control character', { sub: 'a\nb' }],
    ['one of 256 bytes', { sub: 'a'.repeat(256) }],
  ])('refuses a user id that is %s', async (_name, claims) => {
    const verify = await verifierWith();
    const problem = await problemOf(() => verify(signedByHand({ alg: 'HS256' }, claims)));
    expect(problem).toMatchObject({ code: 'unauthenticated', message: 'the token names no user id' });
  });

  it('reads the user id only from the claim in JWT_USER_CLAIM', async () => {
    const verify = await verifierWith({ JWT_USER_CLAIM: 'https://example.com/user_id' });
    const header = await bearer({ sub: 'alice', 'https://example.com/user_id': 'Zoë' });
    expect(await verify(header)).toMatchObject({ userId: 'Zoë', actorId: 'Zoë' });
    expect((await problemOf(async () => verify(await bearer({ sub: 'alice' })))).code).toBe('unauthenticated');
  });
});

describe('JWT_CLOCK_TOLERANCE_SECONDS', () => {
  it.each([
    ['5 by default', {}, 6],
    ['0', { JWT_CLOCK_TOLERANCE_SECONDS: '0' }, 1],
    ['60', { JWT_CLOCK_TOLERANCE_SECONDS: '60' }, 61],
  ])('%s accepts an nbf less than %i s in the future', async (_name, env, seconds) => {
    const verify = await verifierWith(env);
    const header = (ahead: number) => bearer({ sub: 'alice', nbf: START_SECONDS + ahead });
    expect(await verify(await header(seconds - 1))).toMatchObject({ userId: 'alice' });
    expect((await problemOf(async () => verify(await header(seconds)))).message).toBe('the token is not valid yet');
  });
});

describe('a remembered token', () => {
  it('is verified synchronously within 60 s', async () => {
    const { now, moveSeconds } = createClock();
    const verify = await verifierWith({}, now);
    const header = await bearer({ sub: 'alice' });
    const first = verify(header);
    expect(first).toBeInstanceOf(Promise);
    const caller = await first;
    expect(verify(header)).toBe(caller);
    moveSeconds(59);
    expect(verify(header)).toBe(caller);
    moveSeconds(1);
    expect(verify(header)).toBeInstanceOf(Promise);
  });

  it('is refused once it has expired', async () => {
    const { now, moveSeconds } = createClock();
    const verify = await verifierWith({}, now);
    const header = await bearer({ sub: 'alice', exp: START_SECONDS + 10 });
    await verify(header);
    moveSeconds(9);
    expect(verify(header)).toMatchObject({ userId: 'alice' });
    moveSeconds(6);
    expect((await problemOf(() => verify(header))).message).toBe('the token has expired');
  });

  it('is refused when the clock is set back before its nbf', async () => {
    const { now, moveSeconds } = createClock();
    const verify = await verifierWith({}, now);
    const header = await bearer({ sub: 'alice', nbf: START_SECONDS });
    await verify(header);
    moveSeconds(-60);
    expect((await problemOf(() => verify(header))).message).toBe('the token is not valid yet');
  });

  it('is not one that failed: it verifies once its nbf has passed', async () => {
    const { now, moveSeconds } = createClock();
    const verify = await verifierWith({}, now);
    const header = await bearer({ sub: 'alice', nbf: START_SECONDS + 30 });
    await problemOf(() => verify(header));
    moveSeconds(30);
    expect(await verify(header)).toMatchObject({ userId: 'alice' });
  });
});

describe('a refusal', () => {
  it.each<[string, JWTPayload, string]>([
    ['expired', { exp: START_SECONDS - 60 }, 'ERR_JWT_EXPIRED exp'],
    ['not valid yet', { nbf: START_SECONDS + 60 }, 'ERR_JWT_CLAIM_VALIDATION_FAILED nbf'],
    ['of another issuer', { iss: 'someone' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED iss'],
  ])('names a code and a claim, and no part of the token, when it is %s', async (_name, claims, expected) => {
    const [code, claim] = expected.split(' ');
    const verify = await verifierWith({ JWT_ISSUER: 'us' });
    const header = await bearer({ iss: 'us', sub: 'alice-secret-name', ...claims });
    const problem = await problemOf(() => verify(header));
    expect(problem.cause).toEqual({ code, claim, why: expect.any(String) });
    const everything = inspect(problem, { depth: Number.POSITIVE_INFINITY, showHidden: true });
    for (const part of ['alice-secret-name', ...header.slice(7).split('.')]) expect(everything).not.toContain(part);
  });

  it('contains no part of a token that is not JSON', async () => {
    const verify = await verifierWith();
    const problem = await problemOf(() => verify(handMade('{"secret-text', 'x', 'c2ln')));
    expect(inspect(problem, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain('secret-text');
  });
});

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { mintToken } from '../../src/auth/mint-token.ts';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { authOf, createClock, problemOf, START_SECONDS } from './tokens.ts';

const userId = toUserId('Zoë');
const ownerId = toUserId('team-7');
if (userId === null || ownerId === null) throw new Error('ids');

const OWN_SECRET = `own=${'s'.repeat(40)}`;

describe('mintToken', () => {
  it('signs only the user, the scopes, iat and exp by default', async () => {
    const { now } = createClock();
    const token = await mintToken(authOf(), { userId, scopes: ['files:read'], ttlSeconds: 3600, now });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const times = { iat: START_SECONDS, exp: START_SECONDS + 3600 };
    expect(decodeJwt(token)).toEqual({ sub: 'Zoë', scope: 'files:read', ...times });
  });

  const us = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'signpost,other', JWT_ALGORITHMS: 'HS512', JWT_USER_CLAIM: 'user' };
  const nested = { JWT_USER_CLAIM: 'user.id', JWT_SCOPE_CLAIM: 'realm_access.roles', JWT_CLIENT_IDS: 'app' };
  const ownAndTheirs = {
    JWT_ISSUER: 'https://id.example.com/,own',
    JWT_SECRET: OWN_SECRET,
    JWKS_URL: 'https://id.example.com/=http://127.0.0.1:9/',
    JWT_AUDIENCE: 'https://id.example.com/=theirs,own=ours',
    JWT_CLIENT_IDS: 'https://id.example.com/=app',
    JWT_ALGORITHMS: 'RS256,HS384',
  };
  it.each<[string, Record<string, string>]>([
    ['an issuer, an audience and an algorithm', us],
    ['nested claims and a client', nested],
    ['scopes in other words', { JWT_SCOPES: 'read:files=files:read' }],
    ['two secrets', { JWT_SECRET: `${'n'.repeat(32)},${'o'.repeat(32)}` }],
    ['two issuers', ownAndTheirs],
  ])('signs a token that verifies until it expires, with %s', async (_name, env) => {
    const { now, moveSeconds } = createClock();
    const verify = await createTokenVerifier({ ...authOf(env), now });
    const scopes: Scope[] = ['files:read'];
    const token = await mintToken(authOf(env), { userId, scopes, ttlSeconds: 60, now });
    const caller = { userId, actorId: userId, isOnBehalf: false, scopes: new Set(scopes) };
    expect(await verify(`Bearer ${token}`)).toEqual(caller);
    moveSeconds(65);
    expect((await problemOf(() => verify(`Bearer ${token}`))).message).toBe('the token has expired');
  });

  it('names the owner with JWT_OWNER_CLAIM', async () => {
    const { now } = createClock();
    const auth = authOf({ JWT_OWNER_CLAIM: 'org.id' });
    const verify = await createTokenVerifier({ ...auth, now });
    const token = await mintToken(auth, { userId, ownerId, scopes: ['files:read'], ttlSeconds: 60, now });
    expect(await verify(`Bearer ${token}`)).toMatchObject({ userId: 'team-7', actorId: 'Zoë' });
  });

  it('signs no scope for an empty list', async () => {
    const { now } = createClock();
    const verify = await createTokenVerifier({ ...authOf(), now });
    const token = await mintToken(authOf(), { userId, scopes: [], ttlSeconds: 60, now });
    expect((await verify(`Bearer ${token}`)).scopes).toEqual(new Set());
  });

  it.each([
    ['no HMAC algorithm', { JWT_ALGORITHMS: 'RS256' }, 'JWT_ALGORITHMS: a secret signs with HS256, HS384 or HS512'],
    ['no secret', { JWKS_URL: 'http://127.0.0.1:9/' }, 'only your issuer can make them'],
  ])('says that there is %s', async (_name, env, reason) => {
    const { now } = createClock();
    await expect(mintToken(authOf(env), { userId, scopes: [], ttlSeconds: 60, now })).rejects.toThrow(reason);
  });
});

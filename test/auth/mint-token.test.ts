import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { mintToken } from '../../src/auth/mint-token.ts';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { toUserId } from '../../src/object-key.ts';
import { createClock, problemOf, SECRET, START_SECONDS } from './tokens.ts';

const userId = toUserId('Zoë');
if (userId === null) throw new Error('a user id');

describe('mintToken', () => {
  it('holds the user, when it was made and when it ends, and nothing it was not told', async () => {
    const { now } = createClock();
    const token = await mintToken({ secret: SECRET, userId, ttlSeconds: 3600, userClaim: 'sub', now });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(decodeJwt(token)).toEqual({ sub: 'Zoë', iat: START_SECONDS, exp: START_SECONDS + 3600 });
  });

  it('verifies under the settings it was made with, until it ends', async () => {
    const { now, moveSeconds } = createClock();
    const settings = { issuer: 'us', audience: 'signpost', algorithms: ['HS512'], userClaim: 'user', now };
    const verify = await createTokenVerifier({ key: { kind: 'secret', secret: SECRET }, ...settings });
    const token = await mintToken({ secret: SECRET, userId, scope: 'files:read', ttlSeconds: 60, ...settings });
    const caller = { userId, actorId: userId, isOnBehalf: false, scopes: new Set(['files:read']) };
    expect(await verify(`Bearer ${token}`)).toEqual(caller);
    moveSeconds(65);
    expect((await problemOf(() => verify(`Bearer ${token}`))).message).toBe('the token has expired');
  });

  it('has no scope at all with an empty one', async () => {
    const { now } = createClock();
    const verify = await createTokenVerifier({ key: { kind: 'secret', secret: SECRET }, userClaim: 'sub', now });
    const token = await mintToken({ secret: SECRET, userId, scope: '', ttlSeconds: 60, userClaim: 'sub', now });
    expect((await verify(`Bearer ${token}`)).scopes).toEqual(new Set());
  });
});

import { describe, expect, it } from 'vitest';
import { ownerOf } from '../../src/page/owner-of.ts';

const tokenOf = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

describe('the owner of a token', () => {
  it('is the same after a renewal', () => {
    const renewed = tokenOf({ sub: 'ada', iss: 'a', exp: 2, iat: 1, jti: 'y', sid: 's', aio: 'z', origin_jti: 'o' });
    expect(ownerOf(renewed)).toBe(ownerOf(tokenOf({ iss: 'a', sub: 'ada', exp: 9, iat: 8, jti: 'x' })));
  });

  // `JWT_USER_CLAIM` may name any claim, and then `sub` may be missing, or the same for all users.
  it.each([
    ['sub', { sub: 'ada' }, { sub: 'eve' }],
    ['a claim beside sub', { sub: 'app', email: 'ada@example.com' }, { sub: 'app', email: 'eve@example.com' }],
    ['a claim alone', { email: 'ada@example.com' }, { email: 'eve@example.com' }],
    ['the issuer', { sub: 'ada', iss: 'a' }, { sub: 'ada', iss: 'b' }],
  ])('is another one if they differ in %s', (_what, one, other) => {
    expect(ownerOf(tokenOf(one))).not.toBe(ownerOf(tokenOf(other)));
  });

  it.each(['', 'opaque', 'e30.%.x', tokenOf({ exp: 1 }), tokenOf(5), tokenOf(null)])('is unknown for %j', (token) => {
    expect(ownerOf(token)).toBeNull();
  });
});

import type { JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { bearer } from './tokens.ts';
import { type Env, verifierWith } from './verifier-with.ts';

describe('scopes', () => {
  it.each<[string, JWTPayload, string[]]>([
    ['neither claim: read and write', {}, ['files:read', 'files:write']],
    ['scope', { scope: 'files:read' }, ['files:read']],
    ['scope, ignoring unknown ones', { scope: 'openid files:write email' }, ['files:write']],
    ['scope with nothing known', { scope: 'openid' }, []],
    ['an empty scope', { scope: '' }, []],
    ['scope as a list', { scope: ['files:read', 7, 'files:write'] }, ['files:read', 'files:write']],
    ['scp', { scp: 'files:write' }, ['files:write']],
    ['scp as a list', { scp: ['files:read'] }, ['files:read']],
    ['an empty list', { scp: [] }, []],
    ['both claims', { scope: 'files:read', scp: ['files:write'] }, ['files:read', 'files:write']],
    ['a claim of another type', { scope: 7 }, []],
    ['null', { scope: null }, []],
    [
      'files:admin',
      { scope: 'files:admin' },
      ['files:read', 'files:write', 'files:judge', 'files:credentials', 'files:admin'],
    ],
    ['a scope with a known beginning', { scope: 'files:administrator files:readme' }, []],
  ])('come from %s', async (_name, claims, scopes) => {
    const verify = await verifierWith();
    const caller = await verify(await bearer({ sub: 'alice', ...claims }));
    expect([...caller.scopes]).toEqual(scopes);
  });
});

describe('scopes with JWT_SCOPE_CLAIM or JWT_SCOPES', () => {
  const BOTH = ['files:read', 'files:write'];
  it.each<[string, Env, JWTPayload, string[]]>([
    ['a claim of another name', { JWT_SCOPE_CLAIM: 'permissions' }, { permissions: BOTH, scope: 'files:admin' }, BOTH],
    ['several claims', { JWT_SCOPE_CLAIM: 'scope,roles' }, { scope: 'files:read', roles: ['files:write'] }, BOTH],
    ['a claim within objects', { JWT_SCOPE_CLAIM: 'a.b.c' }, { a: { 'b.c': 'files:read' } }, ['files:read']],
    ['a claim that is missing: none', { JWT_SCOPE_CLAIM: 'permissions' }, { scope: 'files:read' }, []],
    ['other words', { JWT_SCOPES: 'get=files:read,put=files:write' }, { scope: 'get put' }, BOTH],
    ['one word for two', { JWT_SCOPES: 'access=files:read files:write' }, { scp: ['access'] }, BOTH],
    ['one word twice', { JWT_SCOPES: 'access=files:read,access=files:write' }, { scp: 'access' }, BOTH],
    ['a word with a space in a list', { JWT_SCOPES: 'Team lead=files:read' }, { scp: ['Team lead'] }, ['files:read']],
    ['a word with =', { JWT_SCOPES: 'a=b=files:read' }, { scope: 'a=b' }, ['files:read']],
    ['a known scope, unmapped', { JWT_SCOPES: 'get=files:read' }, { scope: 'files:write' }, ['files:write']],
    ['a prefix', { JWT_SCOPES: 'https://api/*' }, { scope: 'https://api/files:read x/files:write' }, ['files:read']],
    ['a prefix alone: none', { JWT_SCOPES: 'api/*' }, { scope: 'api/' }, []],
    ['no claim with words set: none', { JWT_SCOPES: 'get=files:read' }, {}, []],
    ['no known scope, with *=', { JWT_SCOPES: '*=files:read' }, { scope: 'openid' }, ['files:read']],
    ['no claim, with *=', { JWT_SCOPES: '*=files:read files:write' }, {}, BOTH],
    [
      'a known scope, without those of *=',
      { JWT_SCOPES: '*=files:read files:write' },
      { scope: 'files:read' },
      ['files:read'],
    ],
    ['a name from Object.prototype', { JWT_SCOPE_CLAIM: 'constructor.name' }, {}, []],
    ['a claim within nothing: none', { JWT_SCOPE_CLAIM: 'a.b' }, { a: null }, []],
  ])('come from %s', async (_name, env, claims, scopes) => {
    const verify = await verifierWith(env);
    expect([...(await verify(await bearer({ sub: 'alice', ...claims }))).scopes]).toEqual(scopes);
  });
});

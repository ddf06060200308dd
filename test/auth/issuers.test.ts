import { describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { type Claims, documented, ISSUERS, PAGE } from './issuers.ts';
import { authOf, bearer, createClock, createKeyPair, json, problemOf, START_SECONDS, serve } from './tokens.ts';

const pair = await createKeyPair('RS256', 'issuer-key');
const TIMES = { iat: START_SECONDS - 10, exp: START_SECONDS + 300 };

describe('docs/issuers.md', () => {
  it('has settings that the service starts with, also for several issuers', () => {
    const [block = ''] = /^```sh\n(.*?)^```$/ms.exec(PAGE)?.slice(1) ?? [];
    const env = Object.fromEntries(
      block
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s)),
    );
    expect(authOf(env)).toMatchObject({ issuers: ['https://acme.eu.auth0.com/', 'backend'], keys: [{}, {}] });
    const rows = PAGE.match(/^\| \w[^|]* \| `.*$/gm) ?? [];
    const issuers = rows.map((row) => row.split('|')[1]?.trim() ?? '');
    expect(issuers).toHaveLength(9);
    for (const issuer of issuers) expect(authOf(documented(issuer)).keys, issuer).toHaveLength(1);
  });
});

describe.each(Object.entries(ISSUERS))('tokens of %s', (_name, row) => {
  async function verifierOf() {
    const { url } = await serve(json({ keys: [pair.jwk] }));
    return createTokenVerifier({ ...authOf({ ...row.env, JWKS_URL: url }), ...createClock() });
  }
  const sign = (claims: Claims) =>
    bearer({ ...row.claims, ...TIMES, ...claims }, pair.privateKey, { alg: 'RS256', kid: 'issuer-key', typ: 'JWT' });

  it('give the user, the owner and the scopes', async () => {
    const verify = await verifierOf();
    const caller = await verify(await sign({}));
    expect(caller).toMatchObject({ actorId: row.user, userId: row.owner ?? row.user, isOnBehalf: false });
    expect([...caller.scopes]).toEqual(row.scopes);
  });

  const refused = row.refused.map(([claims, claim]) => ({ claims, claim }));
  it.each(refused)('are refused by the claim $claim (%#)', async ({ claims, claim }) => {
    const verify = await verifierOf();
    const problem = await problemOf(async () => verify(await sign(claims)));
    expect(problem).toMatchObject({ code: 'unauthenticated', cause: { claim } });
  });
});

import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { Check } from '../../src/doctor/check.ts';
import { explainToken } from '../../src/doctor/explain-token.ts';

const SECRET = 's'.repeat(32);
const NOW = 1_800_000_000;

async function explain(token: string, env: Record<string, string> = {}): Promise<Record<string, Check>> {
  const checks: [string, Check][] = [];
  for await (const check of explainToken(
    parseConfig({ JWT_SECRET: SECRET, ...env }),
    token,
    () => new Date(NOW * 1000),
  )) {
    checks.push([check.name.replace('token: ', ''), check]);
  }
  const printed = JSON.stringify(checks);
  for (const part of [SECRET, ...token.split('.')]) expect(printed).not.toContain(part);
  return Object.fromEntries(checks);
}

function sign(claims: Record<string, unknown>, header: Record<string, unknown> = {}, secret = SECRET): Promise<string> {
  return new SignJWT({ sub: 'alice', exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(Buffer.from(secret));
}

describe('the doctor, on a token', () => {
  it('shows header, checks, user, owner and scopes', async () => {
    const claims = { sub: 7, user: { id: 7 }, org: 'acme', aud: 'files', azp: 'app', scope: 'openid read:all' };
    const checks = await explain(`Bearer ${await sign(claims, { kid: 'k\u001b1' })}\n`, {
      JWT_AUDIENCE: 'files',
      JWT_CLIENT_IDS: 'app',
      JWT_USER_CLAIM: 'user.id',
      JWT_OWNER_CLAIM: 'org',
      JWT_SCOPES: 'read:all=files:read',
    });
    expect(Object.values(checks).every(({ verdict }) => verdict === 'ok')).toBe(true);
    expect(checks.header?.detail).toMatch(/^alg "HS256", kid "k\\u001b1", \d+ bytes$/);
    expect(checks.claims?.detail).toContain('"user", "org"');
    expect(checks.verifies?.detail).toBe('by signature, exp, nbf, aud, azp/client_id/cid/appid');
    expect(checks.user?.detail).toBe('"7", by user.id');
    expect(checks['owner of the files']?.detail).toBe('"acme", by org');
    expect(checks.scopes?.detail).toBe('files:read, by scope');
  });

  it.each<[string, Record<string, string>, Record<string, unknown>, string, string]>([
    [
      'another issuer',
      { JWT_ISSUER: 'https://id/' },
      { iss: 'https://id' },
      'its iss is "https://id"',
      'has ["https://id/"]',
    ],
    [
      'another audience',
      { JWT_AUDIENCE: 'a' },
      { aud: ['b', 'c'] },
      'its aud is ["b","c"]',
      'JWT_AUDIENCE, which has ["a"]',
    ],
    ['no audience', { JWT_AUDIENCE: 'a' }, {}, 'it has no aud', 'JWT_AUDIENCE'],
    [
      'another client',
      { JWT_CLIENT_IDS: 'a' },
      { client_id: 'b' },
      'its client_id is "b"',
      'JWT_CLIENT_IDS, which has ["a"]',
    ],
    ['an exp in the past', {}, { exp: NOW - 60 }, 'it has expired', 'the clocks (JWT_CLOCK_TOLERANCE_SECONDS is 5)'],
    [
      'no user',
      { JWT_USER_CLAIM: 'user.id' },
      { user: { id: {} } },
      'names no user id; its user.id is {}',
      'JWT_USER_CLAIM',
    ],
    ['no owner', { JWT_OWNER_CLAIM: 'org_id' }, {}, 'names no owner (org_id)', 'JWT_OWNER_CLAIM'],
  ])('names the check that fails and the setting, for %s', async (_name, env, claims, detail, remedy) => {
    const { verifies, user } = await explain(await sign(claims), env);
    expect(verifies).toMatchObject({ verdict: 'fail', detail: expect.stringContaining(detail) });
    expect(verifies?.remedy).toContain(remedy);
    expect(user).toBeUndefined();
  });

  it('distinguishes another key, another algorithm and an unavailable key set', async () => {
    expect((await explain(await sign({}, {}, 'x'.repeat(32)))).verifies).toMatchObject({
      detail: expect.stringContaining('ERR_JWS_SIGNATURE_VERIFICATION_FAILED'),
      remedy: expect.stringContaining('JWT_SECRET'),
    });
    const unsigned = `${btoa('{"alg":"RS256","kid":"a"}')}.${btoa('{"sub":"alice"}')}.AAAA`.replaceAll('=', '');
    expect((await explain(unsigned)).verifies?.remedy).toContain('JWT_ALGORITHMS');
    const unreachable = await explain(unsigned, { JWT_SECRET: '', JWKS_URL: 'http://127.0.0.1:1/' });
    expect(unreachable.verifies).toMatchObject({ unreachable: true, remedy: 'JWKS_URL' });
  });

  it('warns of a token without known scopes, naming its scopes, and of one without exp', async () => {
    const { scopes, end } = await explain(await sign({ scope: 'openid profile', exp: undefined }));
    expect(scopes).toMatchObject({ verdict: 'warn', detail: expect.stringContaining('["openid profile"]') });
    expect(end?.verdict).toBe('warn');
  });

  it.each(['rubbish', '{}{}.{}{}.{}{}', 'eyJxIjoxfQ.eyJxIjoxfQ.eyJxIjoxfQ.eyJxIjoxfQ.eyJxIjoxfQ'])(
    'says that %s is not a JWT',
    async (token) => {
      expect(Object.keys(await explain(token))).toEqual(['form']);
    },
  );
});

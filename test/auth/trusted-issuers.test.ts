import { exportSPKI, type JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/verify-token.ts';
import { accepts } from './key-server.ts';
import {
  authOf,
  bearer,
  createClock,
  createKeyPair,
  json,
  problemOf,
  type SigningPair,
  serve,
  signedByHand,
} from './tokens.ts';

const SECRET = 'the secret of the backend, and of nobody else';
const OLD_SECRET = 'o'.repeat(32);
const NEW_SECRET = 'n'.repeat(32);
const acme = await createKeyPair('RS256', 'shared-kid');
const globex = await createKeyPair('RS256', 'shared-kid');
const stranger = await createKeyPair('RS256', 'shared-kid');

const ACME = 'https://acme.example.com/';
const GLOBEX = 'https://globex.example.com/';

function signedBy(pair: SigningPair, claims: JWTPayload): Promise<string> {
  return bearer({ sub: 'alice', ...claims }, pair.privateKey, { alg: 'RS256', kid: 'shared-kid' });
}

function signedWith(secret: string, claims: JWTPayload = {}): Promise<string> {
  return bearer({ sub: 'alice', ...claims }, Buffer.from(secret));
}

async function refuses(verify: TokenVerifier, header: string, cause: object = {}): Promise<void> {
  expect(await problemOf(() => verify(header))).toMatchObject({ code: 'unauthenticated', cause });
}

function verifierOf(env: Record<string, string>): Promise<TokenVerifier> {
  return createTokenVerifier({ ...authOf(env), ...createClock() });
}

describe('several issuers, each with its own keys', () => {
  async function start(env: Record<string, string> = {}) {
    const { url: acmeUrl } = await serve(json({ keys: [acme.jwk] }));
    const { url: globexUrl } = await serve(json({ keys: [globex.jwk] }));
    return verifierOf({
      JWT_ISSUER: `${ACME},${GLOBEX},backend`,
      JWKS_URL: `${GLOBEX}=${globexUrl},${ACME}=${acmeUrl}`,
      JWT_SECRET: `backend=${SECRET}`,
      ...env,
    });
  }

  it('verify the tokens of each', async () => {
    const verify = await start();
    await accepts(verify, await signedBy(acme, { iss: ACME }));
    await accepts(verify, await signedBy(globex, { iss: GLOBEX }));
    await accepts(verify, await signedWith(SECRET, { iss: 'backend' }));
  });

  it('refuse a token of one that is signed by another, with any kid and alg', async () => {
    const verify = await start();
    const code = 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED';
    await refuses(verify, await signedBy(acme, { iss: GLOBEX }), { code });
    await refuses(verify, await signedBy(globex, { iss: ACME }), { code });
    await refuses(verify, await signedBy(stranger, { iss: ACME }), { code });
    await refuses(verify, await signedWith(SECRET, { iss: ACME }), { code: 'ERR_JOSE_ALG_NOT_ALLOWED' });
    await refuses(verify, await signedBy(acme, { iss: 'backend' }), { code: 'ERR_JOSE_ALG_NOT_ALLOWED' });
  });

  it('refuse HS256 made with the text of a public key', async () => {
    const verify = await start();
    for (const text of [await exportSPKI(acme.publicKey), JSON.stringify(acme.jwk)]) {
      for (const iss of [ACME, 'backend'])
        await refuses(verify, signedByHand({ alg: 'HS256' }, { sub: 'a', iss }, text));
    }
  });

  it.each<unknown>([
    undefined,
    '',
    'https://acme.example.com',
    'HTTPS://ACME.EXAMPLE.COM/',
    `${ACME} `,
    'constructor',
    [ACME],
  ])('refuse the issuer %j', async (iss) => {
    const verify = await start();
    await refuses(verify, signedByHand({ alg: 'HS256' }, { sub: 'alice', iss }, SECRET), { claim: 'iss' });
  });

  it('check the audience and client set for each issuer, or for all', async () => {
    const verify = await start({ JWT_AUDIENCE: `${ACME}=files,backend=internal`, JWT_CLIENT_IDS: `${GLOBEX}=app` });
    await accepts(verify, await signedBy(acme, { iss: ACME, aud: 'files' }));
    await refuses(verify, await signedBy(acme, { iss: ACME, aud: 'internal' }), { claim: 'aud' });
    await accepts(verify, await signedBy(globex, { iss: GLOBEX, azp: 'app' }));
    await refuses(verify, await signedBy(globex, { iss: GLOBEX, aud: 'files' }), { claim: 'azp' });
    await refuses(verify, await signedBy(globex, { iss: GLOBEX, azp: 'app', client_id: 'x' }), { claim: 'client_id' });
    const strict = await start({ JWT_AUDIENCE: 'a,b' });
    await accepts(strict, await signedBy(acme, { iss: ACME, aud: ['x', 'b'] }));
    await refuses(strict, await signedBy(globex, { iss: GLOBEX, aud: 'c' }), { claim: 'aud' });
  });
});

describe('one issuer with keys of several kinds', () => {
  it('accepts both during a change from a secret to a key set', async () => {
    const { url } = await serve(json({ keys: [acme.jwk] }));
    const verify = await verifierOf({ JWT_ISSUER: ACME, JWT_SECRET: SECRET, JWKS_URL: url });
    await accepts(verify, await signedWith(SECRET, { iss: ACME }));
    await accepts(verify, await signedBy(acme, { iss: ACME }));
    await refuses(verify, await signedBy(stranger, { iss: ACME }));
    await refuses(verify, await signedWith(SECRET, { iss: GLOBEX }), { claim: 'iss' });
    await refuses(verify, signedByHand({ alg: 'HS256' }, { sub: 'a', iss: ACME }, await exportSPKI(acme.publicKey)));
  });

  it('accepts the other keys while the key set is unavailable', async () => {
    const { url } = await serve((_request, response) => response.writeHead(500).end());
    const pem = await exportSPKI(acme.publicKey);
    const verify = await verifierOf({ JWT_SECRET: SECRET, JWT_PUBLIC_KEY: pem, JWKS_URL: url });
    await accepts(verify, await signedWith(SECRET));
    await accepts(verify, await signedBy(acme, {}));
    expect((await problemOf(async () => verify(await signedBy(stranger, {})))).code).toBe('keys-unavailable');
    await refuses(verify, await signedWith(OLD_SECRET));
  });

  it('does not start when JWT_ALGORITHMS has none for a key', async () => {
    const env = { JWT_SECRET: SECRET, JWKS_URL: 'http://127.0.0.1:9/' };
    await expect(verifierOf({ ...env, JWT_ALGORITHMS: 'RS256' })).rejects.toThrow('JWT_ALGORITHMS: each key needs one');
    await expect(verifierOf({ ...env, JWT_ALGORITHMS: 'RS256,HS256' })).resolves.toBeTypeOf('function');
  });
});

describe('several values of one kind', () => {
  it('are secrets, each of which verifies', async () => {
    const verify = await verifierOf({ JWT_SECRET: `${NEW_SECRET},${OLD_SECRET}` });
    await accepts(verify, await signedWith(NEW_SECRET));
    await accepts(verify, await signedWith(OLD_SECRET));
    await refuses(verify, await signedWith(`${NEW_SECRET},${OLD_SECRET}`));
    await refuses(verify, await signedWith(OLD_SECRET, { exp: 1 }), { code: 'ERR_JWT_EXPIRED', claim: 'exp' });
  });

  it('are public keys: PEM after PEM, or a JWK Set', async () => {
    const pems = [await exportSPKI(acme.publicKey), await exportSPKI(globex.publicKey)];
    const set = JSON.stringify({ keys: [acme.jwk, globex.jwk] });
    for (const JWT_PUBLIC_KEY of [pems.join(''), pems.join(',').replaceAll('\n', '\\n'), set]) {
      const verify = await verifierOf({ JWT_PUBLIC_KEY });
      await accepts(verify, await signedBy(acme, {}));
      await accepts(verify, await signedBy(globex, {}));
      await refuses(verify, await signedBy(stranger, {}));
    }
  });

  it('are public keys of several issuers', async () => {
    const [first, second] = [await exportSPKI(acme.publicKey), await exportSPKI(globex.publicKey)];
    const verify = await verifierOf({ JWT_ISSUER: 'a,b', JWT_PUBLIC_KEY: `a=${first}b=${second}` });
    await accepts(verify, await signedBy(acme, { iss: 'a' }));
    await refuses(verify, await signedBy(acme, { iss: 'b' }));
  });

  it('are names of one issuer with one key', async () => {
    const verify = await verifierOf({
      JWT_ISSUER: 'accounts.example.com,https://accounts.example.com',
      JWT_SECRET: SECRET,
    });
    await accepts(verify, await signedWith(SECRET, { iss: 'accounts.example.com' }));
    await accepts(verify, await signedWith(SECRET, { iss: 'https://accounts.example.com' }));
    await refuses(verify, await signedWith(SECRET, { iss: 'https://accounts.example.com/' }), { claim: 'iss' });
  });
});

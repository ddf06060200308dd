import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, exportPKCS8, exportSPKI } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/verify-token.ts';
import { authOf, bearer, createClock, createKeyPair, handMade, problemOf, signedByHand } from './tokens.ts';

const { now } = createClock();

function verifierFor(pemOrJwk: string, algorithms?: string[]): Promise<TokenVerifier> {
  const env = { JWT_PUBLIC_KEY: pemOrJwk, ...(algorithms && { JWT_ALGORITHMS: algorithms.join(',') }) };
  return createTokenVerifier({ ...authOf(env), now });
}

async function startFailure(pemOrJwk: string, algorithms?: string[]): Promise<string> {
  const failure: unknown = await verifierFor(pemOrJwk, algorithms).catch((error) => error);
  if (!(failure instanceof Error)) throw new Error('expected a failure at start');
  return failure.message;
}

describe('a public key', () => {
  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])(
    'verifies %s as PEM, as PEM with escaped line breaks and as JWK',
    async (alg) => {
      const { privateKey, publicKey, jwk } = await createKeyPair(alg);
      const pem = await exportSPKI(publicKey);
      const header = await bearer({ sub: 'alice' }, privateKey, { alg });
      for (const text of [pem, `\n${pem}\n`, pem.replaceAll('\n', '\\n'), JSON.stringify(jwk)]) {
        const verify = await verifierFor(text);
        expect(await verify(header)).toMatchObject({ userId: 'alice' });
      }
    },
  );

  it('verifies when quoted, in base64, on one line, or with other line ends', async () => {
    const { privateKey, publicKey } = await createKeyPair('RS256');
    const pem = await exportSPKI(publicKey);
    const body = pem.replace(/-----[^-]+-----|\n/g, '');
    const header = await bearer({ sub: 'alice' }, privateKey, { alg: 'RS256' });
    const base64 = Buffer.from(pem).toString('base64');
    for (const text of [
      `"${pem}"`,
      `'${pem}'`,
      `"${pem.replaceAll('\n', '\\n')}"`,
      pem.replaceAll('\n', '\r\n'),
      pem.replaceAll('\n', ' '),
      pem.replaceAll('\n', ''),
      pem.replaceAll('\n', '\n  '),
      pem.replaceAll('\n', '\\r\\n'),
      base64,
      Buffer.from(pem).toString('base64url'),
      base64.replace(/.{76}/g, '$&\n'),
      body,
    ]) {
      expect(await (await verifierFor(text))(header)).toMatchObject({ userId: 'alice' });
    }
  });

  it('verifies as PKCS #1 and as X.509 certificate', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pkcs1 = await verifierFor(publicKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    const signing = await crypto.subtle.importKey(
      'pkcs8',
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      false,
      ['sign'],
    );
    expect(await pkcs1(await bearer({ sub: 'alice' }, signing, { alg: 'RS256' }))).toMatchObject({ userId: 'alice' });

    const certificate = await verifierFor(CERTIFICATE);
    expect(await certificate(SIGNED_UNDER_CERTIFICATE)).toMatchObject({ userId: 'alice' });
  });

  it('never verifies HS256 made with its own text', async () => {
    const { publicKey } = await createKeyPair('RS256');
    const pem = await exportSPKI(publicKey);
    const verify = await verifierFor(pem);
    for (const secret of [pem, `${pem}\n`, pem.trim()]) {
      const problem = await problemOf(() => verify(signedByHand({ alg: 'HS256' }, { sub: 'alice' }, secret)));
      expect(problem.code).toBe('unauthenticated');
    }
  });

  it('refuses none, an algorithm of another key and another key of its kind', async () => {
    const ours = await createKeyPair('ES256');
    const verify = await verifierFor(JSON.stringify(ours.jwk));
    for (const header of [
      handMade({ alg: 'none' }, { sub: 'alice' }),
      handMade({ alg: 'RS256' }, { sub: 'alice' }, 'c2ln'),
      await bearer({ sub: 'alice' }, (await createKeyPair('ES256')).privateKey, { alg: 'ES256' }),
      await bearer({ sub: 'alice' }, (await createKeyPair('ES384')).privateKey, { alg: 'ES384' }),
    ]) {
      expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
    }
  });

  it('ignores a key in the token', async () => {
    const ours = await createKeyPair('ES256');
    const theirs = await createKeyPair('ES256');
    const verify = await verifierFor(JSON.stringify(ours.jwk));
    const header = await bearer({ sub: 'alice' }, theirs.privateKey, { alg: 'ES256', jwk: theirs.jwk });
    expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
  });

  it("keeps to a JWK's own alg", async () => {
    const { privateKey, jwk } = await createKeyPair('RS256');
    const header = await bearer({ sub: 'alice' }, privateKey, { alg: 'RS256' });
    const rs256 = await verifierFor(JSON.stringify({ ...jwk, alg: 'RS256', use: 'sig' }));
    expect(await rs256(header)).toMatchObject({ userId: 'alice' });
    const rs512 = await verifierFor(JSON.stringify({ ...jwk, alg: 'RS512' }));
    expect((await problemOf(() => rs512(header))).code).toBe('unauthenticated');
  });

  it('allows only the algorithms in JWT_ALGORITHMS', async () => {
    const { privateKey, jwk } = await createKeyPair('RS256');
    const header = await bearer({ sub: 'alice' }, privateKey, { alg: 'RS256' });
    expect(await (await verifierFor(JSON.stringify(jwk), ['RS256', 'PS256']))(header)).toMatchObject({
      userId: 'alice',
    });
    const ps256 = await verifierFor(JSON.stringify(jwk), ['PS256']);
    expect((await problemOf(() => ps256(header))).code).toBe('unauthenticated');
  });

  it.each(['HS256', 'ES256', 'none', 'rs256'])('does not start with JWT_ALGORITHMS=%s for an RSA key', async (alg) => {
    const { jwk } = await createKeyPair('RS256');
    const message = await startFailure(JSON.stringify(jwk), [alg]);
    expect(message).toContain('JWT_ALGORITHMS');
    expect(message).not.toContain(jwk.n);
  });

  it('does not start with a private key', async () => {
    const { privateKey } = await createKeyPair('RS256');
    const jwk = await exportJWK(privateKey);
    const pkcs1 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs1',
      format: 'pem',
    });
    const pem = await exportPKCS8(privateKey);
    for (const text of [JSON.stringify(jwk), pem, pem.replaceAll('\n', '\\n'), pkcs1.toString()]) {
      expect(await startFailure(text)).toBe('JWT_PUBLIC_KEY: is a private key');
    }
  });

  it.each([
    ['RSA of 1024 bits', () => spki(generateKeyPairSync('rsa', { modulusLength: 1024 }))],
    ['RSA restricted to PSS', () => spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }))],
    ['secp256k1', () => spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))],
    ['X25519', () => spki(generateKeyPairSync('x25519'))],
    ['Ed448', () => spki(generateKeyPairSync('ed448'))],
    ['a secret as JWK', () => JSON.stringify({ kty: 'oct', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA' })],
    ['a JWK Set', () => JSON.stringify({ keys: [] })],
    ['text', () => 'not-a-key-at-all'],
    ['broken JSON', () => '{"kty":"not-a-key'],
    ['an empty PEM', () => '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----'],
  ])('does not start with %s, and does not show it', async (_name, make) => {
    const text = make();
    const message = await startFailure(text);
    expect(message).toMatch(/^JWT_PUBLIC_KEY: must be /);
    expect(message).not.toContain('not-a-key');
    expect(message).not.toContain('c2VjcmV0');
  });

  it('does not start with a JWK for encryption', async () => {
    const { jwk } = await createKeyPair('RS256');
    expect(await startFailure(JSON.stringify({ ...jwk, use: 'enc' }))).toContain('JWT_PUBLIC_KEY');
    expect(await startFailure(JSON.stringify({ ...jwk, alg: 'RSA-OAEP' }))).toContain('JWT_PUBLIC_KEY');
  });
});

function spki({ publicKey }: ReturnType<typeof generateKeyPairSync>): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** P-256, self-signed, until 2126; its private key is gone. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBiDCCAS+gAwIBAgIUbPYWM12AFTrpgcErGz1tKP7ttBwwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOaXNzdWVyLmV4YW1wbGUwIBcNMjYxMTIwMTk1MzAxWhgPMjEy
NjEwMjcxOTUzMDFaMBkxFzAVBgNVBAMMDmlzc3Vlci5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEiZNdjwZNBtTXjrmBWhfa7//S5DTgcvx5cMbO9T/w
B/buOxoA9Py478vgm027gbwwpS7Bb9+epX1Gk79d+MNg56NTMFEwHQYDVR0OBBYE
FLDPNDpdg6OUdwgWN7TkZgpgHTs8MB8GA1UdIwQYMBaAFLDPNDpdg6OUdwgWN7Tk
ZgpgHTs8MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgBC7q6kLw
W+KEQt2yIocKSq6Mx2NYbg9oyjB0hLHTDAoCIHkdasEkX5Xm/xlojHPDrr4gapxJ
/519JIa6ZHS9/And
-----END CERTIFICATE-----`;
const SIGNED_UNDER_CERTIFICATE =
  'Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.jqXaJdWeMCbJ_7qL_oVAPsiusTAZHYEiY4xxhxU_4brQLbnsIv_mRkpKUynIjvPq6jGm1D38XCLyzPFbOL4uEw';

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { CompactSign, importJWK, type JWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { StoredFile } from '../../src/client/stored-file.ts';
import { createReceipts } from '../../src/receipts/create-receipts.ts';
import { verifyReceipt } from '../../src/receipts/verify-receipt.ts';
import { listen } from '../helpers/listen.ts';

const ISSUER = 'https://uploads.example.com';
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const ed = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const open = (key: KeyObject, issuer = ISSUER) => createReceipts({ keys: pem(key), issuer });

const STATED = {
  fileId: '01980000-0000-7000-8000-000000000001',
  objectKey: 'alice/_/_/01980000-0000-7000-8000-000000000001/a.txt',
  contentType: 'text/plain',
  detectedContentType: null,
  size: 5,
  etag: '"5d41"',
  versionId: null,
  checksumSha256: null,
  createdAt: '2026-11-27T17:00:03.123Z',
};
const FILE: StoredFile = {
  ...STATED,
  fileName: 'ä "lease".txt',
  recordId: 'case-42',
  documentType: null,
  encryption: null,
  metadata: { a: 'b' },
  status: 'active',
  publicFileUrl: null,
};

const receipts = await open(ed.privateKey);
const { jwks } = receipts;
const kid = jwks.keys[0]?.kid ?? '';
const text = (await receipts.sign?.(FILE, 'alice')) ?? '';
const [header = '', payload = '', signature = ''] = text.split('.');
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const key = await importJWK({ ...ed.privateKey.export({ format: 'jwk' }) } as JWK, 'EdDSA');
/** Signed with the key of receipts, with another header. */
const withHeader = (more: object) =>
  new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'signpost-receipt+jwt', ...more })
    .sign(key, { crit: { extension: true } });

describe('a receipt', () => {
  it('states what was confirmed, by the names of the answer', async () => {
    expect(await verifyReceipt(text, { jwks, issuer: ISSUER })).toEqual({
      ...STATED,
      issuer: ISSUER,
      ownerId: 'alice',
      encrypted: false,
    });
    const who = { iss: ISSUER, sub: 'alice', jti: FILE.fileId, iat: 1795798803 };
    expect(claims).toEqual({ ...STATED, ...who, encrypted: false });
  });

  it('says whether the client encrypted the file, and not how', async () => {
    const encryption = '1.AAAAAAAAAA.5.aW1hZ2UvcG5n.key.k1.c2VjcmV0';
    const sealed = (await receipts.sign?.({ ...FILE, encryption }, 'alice')) ?? '';
    expect(await verifyReceipt(sealed, { jwks, issuer: ISSUER })).toMatchObject({ encrypted: true });
    expect(Buffer.from(sealed.split('.')[1] ?? '', 'base64url').toString()).not.toContain('AAAA');
  });

  it('is the same text for the same file with Ed25519, and has the same claims with ES256', async () => {
    expect(await (await open(ed.privateKey)).sign?.({ ...FILE, fileName: 'b', status: 'archived' }, 'alice')).toBe(
      text,
    );
    const other = await open(p256.privateKey);
    const signed = await Promise.all([other.sign?.(FILE, 'alice'), other.sign?.(FILE, 'alice')]);
    for (const each of signed) {
      const { issuer, ownerId, fileId } = await verifyReceipt(each ?? '', { jwks: other.jwks, issuer: ISSUER });
      expect({ issuer, ownerId, fileId }).toEqual({ issuer: ISSUER, ownerId: 'alice', fileId: FILE.fileId });
      expect(each?.split('.')[1]).toBe(payload);
    }
  });

  it.each([
    ['another payload', () => [header, encoded({ ...claims, size: 6 }), signature].join('.')],
    ['another signature', () => [header, payload, signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))].join('.')],
    ['no signature', () => [header, payload, ''].join('.')],
    ['the algorithm none', () => [encoded({ alg: 'none', typ: 'signpost-receipt+jwt' }), payload, ''].join('.')],
    ['the public key as an HMAC secret', () => hmac('HS256')],
    ['the type of a token', () => withHeader({ typ: 'JWT' })],
    ['the type of an access token', () => withHeader({ typ: 'at+jwt' })],
    ['no type', () => withHeader({ typ: undefined })],
    ['another kid', () => withHeader({ kid: 'other' })],
    ['a critical extension', () => withHeader({ crit: ['extension'], extension: 1 })],
    ['its own key in the header', () => ownKey()],
    [
      'another service’s key',
      async () => (await open(generateKeyPairSync('ed25519').privateKey)).sign?.(FILE, 'alice'),
    ],
    [
      'another service’s name',
      async () => (await open(ed.privateKey, 'https://other.example.com')).sign?.(FILE, 'alice'),
    ],
    ['no owner', () => without('sub')],
    ['no size', () => without('size')],
    ['no text', () => ''],
    ['another text', () => 'not a receipt'],
  ])('is invalid with %s', async (_what, forge) => {
    const forged = (await forge()) ?? '';
    await expect(verifyReceipt(forged, { jwks, issuer: ISSUER })).rejects.toMatchObject({
      name: 'ReceiptError',
      code: 'invalid-receipt',
    });
  });

  it('has keys that are unavailable while their URL does not answer, and are fetched once afterwards', async () => {
    let status = 503;
    let asked = 0;
    const two = { keys: [...jwks.keys, ...(await open(generateKeyPairSync('ed25519').privateKey)).jwks.keys] };
    const server = createServer(({ url }, response) => {
      asked++;
      response.writeHead(status).end(JSON.stringify(url === '/two' ? two : jwks));
    });
    try {
      const options = { jwksUrl: `${await listen(server)}/.well-known/jwks.json`, issuer: ISSUER };
      await expect(verifyReceipt(text, options)).rejects.toMatchObject({ code: 'keys-unavailable' });
      status = 200;
      for (const _ of Array(3)) expect((await verifyReceipt(text, options)).fileId).toBe(FILE.fileId);
      expect(asked).toBe(2);
      await expect(verifyReceipt(await withHeader({ kid: 'x' }), options)).rejects.toMatchObject({
        code: 'invalid-receipt',
      });
      const ofTwo = { ...options, jwksUrl: new URL('/two', options.jwksUrl) };
      expect((await verifyReceipt(text, ofTwo)).fileId).toBe(FILE.fileId);
      await expect(verifyReceipt(await withHeader({ kid: undefined }), ofTwo)).rejects.toMatchObject({
        code: 'invalid-receipt',
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const broken = { jwks: { keys: ['no key' as never] }, issuer: ISSUER };
    await expect(verifyReceipt(text, broken)).rejects.toMatchObject({ code: 'keys-unavailable' });
  });
});

function without(name: string) {
  const { [name]: _, ...rest } = claims;
  return new SignJWT(rest).setProtectedHeader({ alg: 'EdDSA', kid, typ: 'signpost-receipt+jwt' }).sign(key);
}

function hmac(alg: string) {
  const secret = Buffer.from(ed.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  return new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'signpost-receipt+jwt' }).sign(secret);
}

/** Signed with an attacker's key that the header itself names. */
async function ownKey() {
  const own = generateKeyPairSync('ed25519');
  const jwk = own.publicKey.export({ format: 'jwk' }) as JWK;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'signpost-receipt+jwt', jwk })
    .sign(await importJWK(own.privateKey.export({ format: 'jwk' }) as JWK, 'EdDSA'));
}

import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECEIPT_TYPE } from '../../src/contract/receipt-type.ts';
import { ReceiptError, verifyReceipt } from '../../src/receipts/verify-receipt.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { changedText } from './changed-text.ts';
import { base64url, hmac, rawToken } from './raw-token.ts';

const ISSUER = 'https://uploads.example.com';
const ed = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const pem = ed.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const eddsa =
  (key = ed.privateKey) =>
  (input: string) =>
    sign(null, Buffer.from(input), key);

let service: TestService;
let receipt: string;
let jwks: { keys: { kid: string; x: string }[] };
beforeAll(async () => {
  service = await startTestService({ env: { RECEIPT_KEYS: pem.replaceAll('\n', '\\n'), RECEIPT_ISSUER: ISSUER } });
  receipt = String((await service.store('alice', 'hello')).receipt);
  jwks = (await (await service.app.request('/.well-known/jwks.json')).json()) as typeof jwks;
});
afterAll(() => service.close());

const partsOf = () => {
  const [header = '', payload = '', signature = ''] = receipt.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  return { header: read(header), claims: read(payload), raw: { header, payload, signature } };
};
const resigned = (header: object, claims: object = {}, signer = eddsa()) => {
  const good = partsOf();
  return rawToken({ ...good.header, ...header }, { ...good.claims, ...claims }, signer);
};
const signedAs = (claims: object) => {
  const { raw, claims: good } = partsOf();
  return `${raw.header}.${base64url(JSON.stringify({ ...good, ...claims }))}.${raw.signature}`;
};

const FORGED: Record<string, () => string> = {
  ...Object.fromEntries(
    [
      'sub',
      'fileId',
      'objectKey',
      'versionId',
      'size',
      'contentType',
      'detectedContentType',
      'etag',
      'checksumSha256',
      'createdAt',
      'iss',
      'iat',
      'jti',
    ].map((claim) => [`${claim} changed`, () => signedAs({ [claim]: 'x' })]),
  ),
  ...Object.fromEntries(
    ['none', 'None', '', 'HS256', 'RS256', 'ES256', 'Ed448'].map((alg) => [
      `alg ${alg || 'empty'}`,
      () => resigned({ alg }, {}, alg.startsWith('HS') ? hmac(jwks.keys[0]?.x ?? '') : eddsa()),
    ]),
  ),
  'no signature': () => resigned({ alg: 'none' }, {}, () => Buffer.alloc(0)),
  'its signature cut off': () => receipt.slice(0, receipt.lastIndexOf('.') + 1),
  'the public key as a secret': () =>
    resigned({ alg: 'HS256' }, {}, hmac(ed.publicKey.export({ type: 'spki', format: 'pem' }).toString())),
  "a stranger's key": () => resigned({}, {}, eddsa(stranger.privateKey)),
  "a stranger's key, shown in the header": () =>
    resigned({ jwk: stranger.publicKey.export({ format: 'jwk' }) }, {}, eddsa(stranger.privateKey)),
  "the address of a stranger's keys": () => resigned({ jku: 'http://127.0.0.1:9/' }, {}, eddsa(stranger.privateKey)),
  'a kid of nobody': () => resigned({ kid: 'x' }),
  'the type of a token': () => resigned({ typ: 'JWT' }),
  'no type': () => resigned({ typ: undefined }),
  'another issuer': () => resigned({}, { iss: 'https://evil.example' }),
  'no owner': () => resigned({}, { sub: undefined }),
  'no key of an object': () => resigned({}, { objectKey: undefined }),
  'an unknown critical header': () => resigned({ crit: ['x'], x: 1 }),
  'an end in the past': () => resigned({}, { exp: 1 }),
  'text around it': () => ` ${receipt}\n${receipt}`,
  'five parts': () => `${receipt}.x.y`,
  nothing: () => '',
  'JSON instead': () => JSON.stringify(partsOf().claims),
};

describe('a receipt', () => {
  it('is accepted as it is', async () => {
    expect(await verifyReceipt(receipt, { jwks, issuer: ISSUER })).toMatchObject({ ownerId: 'alice', size: 5 });
    expect(partsOf().header).toMatchObject({ alg: 'EdDSA', typ: RECEIPT_TYPE });
  });

  it.each(Object.keys(FORGED))('is not accepted with %s', async (name) => {
    const verifying = verifyReceipt(FORGED[name]?.() ?? '', { jwks, issuer: ISSUER });
    await expect(verifying).rejects.toMatchObject({ name: 'ReceiptError', code: 'invalid-receipt' });
  });

  it('is not accepted with any change, nor any other text', async () => {
    const bytes = () => fc.string({ unit: 'binary', maxLength: 60 });
    const other = fc.oneof(
      changedText(receipt),
      bytes(),
      fc.tuple(bytes(), bytes(), bytes()).map((all) => all.join('.')),
    );
    const { signature } = partsOf().raw;
    await fc.assert(
      fc.asyncProperty(other, async (text) => {
        // The last character of the signature has bits that no byte needs.
        const [header, payload, end = ''] = text.split('.');
        const isSame = Buffer.from(end, 'base64url').equals(Buffer.from(signature, 'base64url'));
        fc.pre(!(isSame && receipt.startsWith(`${header}.${payload}.`)));
        const verifying = verifyReceipt(text, { jwks, issuer: ISSUER });
        await expect(verifying).rejects.toMatchObject({ name: 'ReceiptError', code: 'invalid-receipt' });
      }),
      { seed: 20261127, numRuns: 300 },
    );
  });

  it('is no token, and a token is no receipt', async () => {
    const response = await service.app.request('/files', { headers: { authorization: `Bearer ${receipt}` } });
    expect(response.status).toBe(401);
    await expect(verifyReceipt(await mint('alice'), { jwks, issuer: ISSUER })).rejects.toThrow(ReceiptError);
  });

  it('is published with public keys alone', () => {
    expect(JSON.stringify(jwks)).not.toContain('"d"');
    expect(jwks.keys).toHaveLength(1);
  });
});

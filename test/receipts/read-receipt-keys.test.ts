import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readReceiptKeys } from '../../src/receipts/read-receipt-keys.ts';

const ed = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const pem = (key: KeyObject) =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString();
const jwk = (key: KeyObject, more: object = {}) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });
const published = async (text: string) => (await readReceiptKeys(text)).map(({ publicJwk }) => publicJwk);

describe('RECEIPT_KEYS', () => {
  it.each([
    ['a PEM', pem(ed.privateKey)],
    ['a PEM on one line', pem(ed.privateKey).replaceAll('\n', '\\n')],
    ['the base64 of a PEM', Buffer.from(pem(ed.privateKey)).toString('base64')],
    ['the base64 of PKCS #8', ed.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')],
    ['a JWK', jwk(ed.privateKey)],
    ['a JWK Set', `{"keys":[${jwk(ed.privateKey)}]}`],
  ])('may be %s, which is published without its private part under its thumbprint', async (_form, text) => {
    const [key, ...more] = await published(text);
    expect(more).toEqual([]);
    expect(key).toEqual({
      ...ed.publicKey.export({ format: 'jwk' }),
      kid: expect.stringMatching(/^[\w-]{43}$/),
      alg: 'EdDSA',
      use: 'sig',
    });
    expect(key?.kid).toBe((await published(pem(ed.privateKey)))[0]?.kid);
  });

  it('may be several: the first signs, and of the others the public half is enough', async () => {
    const keys = await readReceiptKeys(pem(p256.privateKey) + pem(ed.publicKey) + pem(other.privateKey));
    expect(keys.map(({ publicJwk }) => publicJwk.alg)).toEqual(['ES256', 'EdDSA', 'EdDSA']);
    expect(keys.map(({ sign }) => sign !== null)).toEqual([true, false, true]);
    expect(JSON.stringify(keys)).not.toContain('"d"');
    const set = await readReceiptKeys(`{"keys":[${jwk(ed.privateKey)},${jwk(other.publicKey)}]}`);
    expect(set.map(({ sign }) => sign !== null)).toEqual([true, false]);
  });

  it('keeps the kid of a JWK', async () => {
    expect((await published(jwk(p256.privateKey, { kid: 'k1', alg: 'ES256' })))[0]).toMatchObject({ kid: 'k1' });
  });

  it.each([
    ['no key', 'nonsense'],
    ['an empty JWK Set', '{"keys":[]}'],
    ['a public key in front', pem(ed.publicKey) + pem(other.privateKey)],
    ['RSA', pem(rsa.privateKey)],
    ['P-384', pem(p384.privateKey)],
    ['a JWK for another algorithm', jwk(p256.privateKey, { alg: 'ES384' })],
    ['a JWK for encryption', jwk(p256.privateKey, { use: 'enc' })],
    ['a JWK with half a key', jwk(ed.privateKey, { d: 'AAAA' })],
    [
      'an encrypted PEM',
      ed.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes128', passphrase: 'x' }).toString(),
    ],
    ['the same key twice', pem(ed.privateKey) + pem(ed.publicKey)],
    ['two keys with one kid', `{"keys":[${jwk(ed.privateKey, { kid: 'a' })},${jwk(p256.privateKey, { kid: 'a' })}]}`],
  ])('is refused for %s, by the name of the setting and without the key', async (_what, text) => {
    const error = await readReceiptKeys(text).catch((thrown: Error) => thrown);
    if (!(error instanceof Error)) throw new Error('it was accepted');
    expect(error.message).toMatch(/^RECEIPT_KEYS: /);
    expect(error.cause).toBeUndefined();
    expect(error.message).not.toContain(text.slice(0, 12));
  });
});

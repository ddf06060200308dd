import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import { keyText } from '../auth/verification-key.ts';
import { splitKeys } from '../config/auth-config.ts';
import type { RECEIPT_ALGORITHMS } from './receipt.ts';

/** A key of receipts. `sign` is null if only the public key is known. */
type ReceiptKey = { publicJwk: PublicJwk; sign: CryptoKey | null };

/** A public key as it is published (RFC 7517, section 4): never with its private part. */
export type PublicJwk = { kty: string; crv: string; x: string; y?: string; kid: string; alg: string; use: 'sig' };

const FORM =
  'RECEIPT_KEYS: must be keys of Ed25519 or P-256, the first one private: PEM (PKCS #8, SPKI), its base64, a JWK ' +
  'or a JWK Set';

/**
 * Reads RECEIPT_KEYS: one or more keys as PEM, base64, JWK or JWK Set. A key without a `kid` gets its thumbprint (RFC
 * 7638).
 * @throws {Error} if a key cannot be read or is of another kind, the first is not private, or two have the same `kid`.
 * It names the setting, and never quotes a key.
 */
export async function readReceiptKeys(text: string): Promise<ReceiptKey[]> {
  const keys = await Promise.all(splitKeys(text).flatMap(parseKeys).map(toReceiptKey));
  if (keys[0]?.sign == null) throw new Error(FORM);
  const names = keys.map(({ publicJwk }) => publicJwk.kid);
  if (new Set(names).size < names.length) throw new Error('RECEIPT_KEYS: two keys are equal, or have the same kid');
  return keys;
}

type ParsedKey = { key: KeyObject; given: JWK };

function parseKeys(part: string): ParsedKey[] {
  const text = keyText(part);
  try {
    if (text.startsWith('{')) {
      const json: JWK & { keys?: JWK[] } = JSON.parse(text);
      return (json.keys ?? [json]).map((given) => {
        const input = { key: given, format: 'jwk' } as const;
        return { key: 'd' in given ? createPrivateKey(input) : createPublicKey(input), given };
      });
    }
    if (text.includes('PRIVATE KEY-----')) return [{ key: createPrivateKey(text), given: {} }];
    if (text.startsWith('-----BEGIN')) return [{ key: createPublicKey(text), given: {} }];
    return [{ key: createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' }), given: {} }];
  } catch {
    // The parser's error is dropped, because it may quote the key.
    throw new Error(FORM);
  }
}

async function toReceiptKey({ key, given }: ParsedKey): Promise<ReceiptKey> {
  const alg = algorithmOf(key);
  const isOther = (given.alg ?? alg) !== alg || (given.use ?? 'sig') !== 'sig';
  if (alg === null || isOther) throw new Error(FORM);
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const { kty = '', crv = '', x = '', y } = publicKey.export({ format: 'jwk' });
  const jwk = { kty, crv, x, ...(y !== undefined && { y }) };
  const kid = given.kid ?? (await calculateJwkThumbprint(jwk));
  const sign = key.type === 'private' ? await importJWK(key.export({ format: 'jwk' }) as JWK, alg) : null;
  if (sign instanceof Uint8Array) throw new Error(FORM);
  return { publicJwk: { ...jwk, kid, alg, use: 'sig' }, sign };
}

function algorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): (typeof RECEIPT_ALGORITHMS)[number] | null {
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : null;
}

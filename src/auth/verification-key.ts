import { createPublicKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, importSPKI, type JWK, type JWTVerifyGetKey } from 'jose';
import type { VerificationKey } from '../config/auth-config.ts';
import { createRemoteKeySet, type OnRefreshFailed } from './remote-key-set.ts';

/** `algorithms`: all that fit the key; `getKey` is called for these only. */
export type KeySource = { kind: VerificationKey['kind']; algorithms: string[]; getKey: JWTVerifyGetKey<CryptoKey> };

const HMAC_HASHES = new Map([
  ['HS256', 'SHA-256'],
  ['HS384', 'SHA-384'],
  ['HS512', 'SHA-512'],
]);
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EDDSA_ALGORITHMS = ['EdDSA', 'Ed25519'];
const EC_ALGORITHMS = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
/** RFC 7518, sections 3.3 and 3.5. */
const MIN_RSA_BITS = 2048;

/**
 * Imports a configured key. The kind of key decides the algorithms, never the token (RFC 8725, section 3.1): so neither
 * `none` nor an HMAC with the text of a public key is accepted. Keys are imported once: jose verifies HS256 twice as
 * fast with a CryptoKey as with bytes.
 * @param options.onKeysReplaced called when a JWK Set has changed, `onRefreshFailed` when a fetch failed.
 * @returns several keys for a JWK Set.
 * @throws {Error} if the key is unusable, naming the setting and never the key.
 */
export async function openVerificationKey(
  { kind, value }: Pick<VerificationKey, 'kind' | 'value'>,
  options: { uptimeMs: () => number; onKeysReplaced: () => void; onRefreshFailed?: OnRefreshFailed | undefined },
): Promise<KeySource[]> {
  switch (kind) {
    case 'secret':
      return [importedKeys(kind, await importSecret(value))];
    case 'public':
      return Promise.all(parsePublicKeys(value).map(async (key) => importedKeys(kind, await importPublicKey(key))));
    case 'jwks': {
      const algorithms = [...RSA_ALGORITHMS, ...EC_ALGORITHMS.values(), ...EDDSA_ALGORITHMS];
      return [{ kind, algorithms, getKey: createRemoteKeySet({ url: value, ...options }) }];
    }
  }
}

function importedKeys(kind: VerificationKey['kind'], keys: ReadonlyMap<string, CryptoKey>): KeySource {
  return {
    kind,
    algorithms: [...keys.keys()],
    getKey: ({ alg }) => {
      const key = keys.get(alg);
      if (key === undefined) throw new Error('jose asks for allow-listed algorithms only');
      return key;
    },
  };
}

async function importSecret(secret: string): Promise<Map<string, CryptoKey>> {
  const keys = new Map<string, CryptoKey>();
  for (const [algorithm, hash] of HMAC_HASHES) {
    const hmac = { name: 'HMAC', hash };
    keys.set(algorithm, await crypto.subtle.importKey('raw', Buffer.from(secret), hmac, false, ['verify']));
  }
  return keys;
}

/** `jwk` has a JWK's restrictions (`alg`, `use`); a PEM has none. */
type PublicKey = { publicKey: KeyObject; jwk: JWK };

async function importPublicKey({ publicKey, jwk }: PublicKey): Promise<Map<string, CryptoKey>> {
  const algorithms = algorithmsOf(publicKey).filter((algorithm) => jwk.alg === undefined || jwk.alg === algorithm);
  if (algorithms.length === 0 || (jwk.use !== undefined && jwk.use !== 'sig')) {
    throw new Error(
      `JWT_PUBLIC_KEY: must be for signatures: RSA of at least ${MIN_RSA_BITS} bits, P-256, P-384, P-521 or Ed25519`,
    );
  }
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keys = new Map<string, CryptoKey>();
  for (const algorithm of algorithms) keys.set(algorithm, await importSPKI(spki, algorithm));
  return keys;
}

/** Reads the text of an environment variable: one key, or the keys of a JWK Set. */
function parsePublicKeys(value: string): PublicKey[] {
  const text = keyText(value);
  // OpenSSL would silently derive the public key from a private one.
  if (text.includes('PRIVATE KEY-----')) throw new Error('JWT_PUBLIC_KEY: is a private key');
  const keys = readPublicKeys(text);
  if (keys.some(({ jwk }) => 'd' in jwk)) throw new Error('JWT_PUBLIC_KEY: is a private key');
  if (keys.length === 0) throw unreadable();
  return keys;
}

function readPublicKeys(text: string): PublicKey[] {
  try {
    if (text.startsWith('-----BEGIN')) return [{ publicKey: createPublicKey(text), jwk: {} }];
    if (!text.startsWith('{')) {
      return [
        { publicKey: createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' }), jwk: {} },
      ];
    }
    const json: JWK & { keys?: JWK[] } = JSON.parse(text);
    return (json.keys ?? [json]).map((jwk) => ({ publicKey: createPublicKey({ key: jwk, format: 'jwk' }), jwk }));
  } catch {
    // The parser's error is dropped, because it may quote the key.
    throw unreadable();
  }
}

function unreadable(): Error {
  return new Error(
    'JWT_PUBLIC_KEY: must be a public key: PEM (SPKI or an X.509 certificate), its base64, a JWK or a JWK Set',
  );
}

/** The text of a key from an environment variable: base64 is decoded, and a PEM gets its line breaks back. */
export function keyText(value: string): string {
  const text = value.trim();
  const decoded = /^[\w+/=\s-]+$/.test(text) ? Buffer.from(text, 'base64').toString('latin1') : '';
  return (decoded.startsWith('-----BEGIN') ? decoded : text)
    .trim()
    .replace(/(-----BEGIN [^-]+-----)([^-]*)(-----END [^-]+-----)/, (_, begin, body, end) => {
      const lines: string[] = body.replace(/\\[nr]|\s/g, '').match(/.{1,64}/g) ?? [];
      return [begin, ...lines, end, ''].join('\n');
    });
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? RSA_ALGORITHMS : [];
    case 'ec':
      return [EC_ALGORITHMS.get(asymmetricKeyDetails?.namedCurve ?? '')].filter((algorithm) => algorithm !== undefined);
    case 'ed25519':
      return EDDSA_ALGORITHMS;
    default:
      return [];
  }
}

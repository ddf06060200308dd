import { createPublicKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, importSPKI, type JWK, type JWTVerifyGetKey } from 'jose';
import { createRemoteKeySet } from './remote-key-set.ts';

/** What tokens verify with: exactly one of a shared secret, a public key, the URL of a JWK Set. */
export type VerificationKey =
  | { kind: 'secret'; secret: string }
  | { kind: 'public'; pemOrJwk: string }
  | { kind: 'jwks'; url: string };

/** `algorithms` are all that fit the key; `getKey` is asked for those only. */
type KeySource = { algorithms: string[]; getKey: JWTVerifyGetKey<CryptoKey> };

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
 * Makes the configured key ready to verify with. The kind of key decides the algorithms, never the token (RFC 8725,
 * section 3.1), so that neither `none` nor an HMAC made with a public key's text passes. Keys are imported once: jose
 * verifies HS256 twice as fast with a CryptoKey as with bytes.
 * @param options.onKeysReplaced called after each fetch of a JWK Set, `onRefreshFailed` with the reason when one failed.
 * @throws {Error} naming the setting, when the key is unusable; never showing the key.
 */
export async function openVerificationKey(
  key: VerificationKey,
  options: { now: () => Date; onKeysReplaced: () => void; onRefreshFailed?: ((error: unknown) => void) | undefined },
): Promise<KeySource> {
  switch (key.kind) {
    case 'secret':
      return importedKeys(await importSecret(key.secret));
    case 'public':
      return importedKeys(await importPublicKey(key.pemOrJwk));
    case 'jwks':
      return {
        algorithms: [...RSA_ALGORITHMS, ...EC_ALGORITHMS.values(), ...EDDSA_ALGORITHMS],
        getKey: createRemoteKeySet({ url: key.url, ...options }),
      };
  }
}

function importedKeys(keys: ReadonlyMap<string, CryptoKey>): KeySource {
  return {
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

async function importPublicKey(pemOrJwk: string): Promise<Map<string, CryptoKey>> {
  // An environment variable often carries its line breaks escaped.
  const text = pemOrJwk.replaceAll('\\n', '\n').trim();
  const { publicKey, jwk } = parsePublicKey(text);
  // OpenSSL derives the public key from a private one and says nothing.
  if (text.includes('PRIVATE KEY-----') || 'd' in jwk) throw new Error('JWT_PUBLIC_KEY: is a private key');
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

/** `jwk` says what a JWK restricts itself to; a PEM restricts nothing. */
function parsePublicKey(text: string): { publicKey: KeyObject; jwk: JWK } {
  try {
    if (!text.startsWith('{')) return { publicKey: createPublicKey(text), jwk: {} };
    const jwk: JWK = JSON.parse(text);
    return { publicKey: createPublicKey({ key: jwk, format: 'jwk' }), jwk };
  } catch {
    // The reason is kept back, since a parser quotes what it reads.
    throw new Error('JWT_PUBLIC_KEY: must be a public key: PEM (SPKI or an X.509 certificate) or one JWK');
  }
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

import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Authenticates values that the service gives to clients and later gets back: `createIdSigner`. */
export type IdSigner = ReturnType<typeof createIdSigner>;

/** RFC 5869, section 3.2: binds the keys to this use, since the secrets may have other uses. */
const PURPOSE = 'signpost upload ids';

/**
 * HMAC-SHA256 with keys that HKDF derives from the secrets. All instances share the secrets, so each accepts what
 * another signed, also after a restart.
 * @param secrets the first signs, all verify.
 */
export function createIdSigner(secrets: readonly string[]) {
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32))));
  const [newest] = keys;
  if (newest === undefined) throw new Error('upload ids need a secret');
  return {
    /** The tag of a text: the first `bytes` of its HMAC, 32 at most. */
    tag: (text: string, bytes: number): Buffer => hmac(newest, text).subarray(0, bytes),
    /** Whether a tag was made for this text with one of the secrets. */
    isTag: (text: string, tag: Uint8Array): boolean =>
      keys.some((key) => timingSafeEqual(hmac(key, text).subarray(0, tag.length), tag)),
  };
}

function hmac(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

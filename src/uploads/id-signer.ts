import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** Authenticates what the service says to itself by way of its clients: `createIdSigner`. */
export type IdSigner = ReturnType<typeof createIdSigner>;

/** RFC 5869, section 3.2: binds the keys to this use, whatever else the secrets are for. */
const PURPOSE = 'signpost upload ids';

/**
 * HMAC-SHA256 with keys that HKDF derives from secrets that all instances share, so that each takes what another has
 * signed, after a restart as well.
 * @param secrets the first signs, all of them verify.
 */
export function createIdSigner(secrets: readonly string[]) {
  const keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32)));
  const [newest] = keys;
  if (newest === undefined) throw new Error('upload ids need a secret');
  return {
    /** The tag of a text: the first `bytes` of its HMAC, 32 at most. */
    tag: (text: string, bytes: number): Buffer => hmac(newest, text).subarray(0, bytes),
    /** Whether a tag is this text's, by any of the secrets. */
    isTag: (text: string, tag: Uint8Array): boolean =>
      keys.some((key) => timingSafeEqual(hmac(key, text).subarray(0, tag.length), tag)),
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

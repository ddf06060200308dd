import { fromBase64Url, toBase64Url } from './base64url.ts';
import { EncryptionError } from './encryption-error.ts';
import type { Envelope } from './envelope.ts';

/** `docs/encrypted-format.md` describes each field. */
export type ParsedEnvelope = Envelope & {
  /** The part that stays the same when the key is wrapped again. Authenticated with every chunk. */
  header: string;
  noncePrefix: Uint8Array<ArrayBuffer>;
  /** Everything except the wrapped key. Authenticated with the wrapped key. */
  sealed: string;
  wrappedKey: Uint8Array<ArrayBuffer>;
  password: { iterations: number; salt: Uint8Array<ArrayBuffer> } | null;
};

export const NONCE_PREFIX_BYTES = 7;
const BASE64URL = '[A-Za-z0-9_-]';
const ENVELOPE = new RegExp(
  `^((1\\.(${BASE64URL}{10})\\.(0|[1-9]\\d{0,15})\\.((?:${BASE64URL}{4})*(?:${BASE64URL}{2,3})?))` +
    `\\.(?:key\\.(${BASE64URL}{1,64})|password\\.([1-9]\\d{0,8})\\.(${BASE64URL}{22})))\\.(${BASE64URL}{80})$`,
);

/** The header of a new file. */
export function formatHeader(noncePrefix: Uint8Array<ArrayBuffer>, size: number, contentType: string): string {
  return `1.${toBase64Url(noncePrefix)}.${size}.${toBase64Url(new TextEncoder().encode(contentType))}`;
}

/** @throws {EncryptionError} `unsupported` if it is not an envelope of version 1. */
export function parseEnvelope(text: string): ParsedEnvelope {
  const found = ENVELOPE.exec(text);
  if (found === null) throw new EncryptionError('unsupported', 'this is not an envelope of version 1');
  const [, sealed = '', header = '', prefix = '', size = '', type = '', keyId, iterations = '', salt, wrapped = ''] =
    found;
  return {
    header,
    sealed,
    size: Number(size),
    keyId: keyId ?? null,
    contentType: new TextDecoder().decode(fromBase64Url(type)),
    noncePrefix: fromBase64Url(prefix),
    wrappedKey: fromBase64Url(wrapped),
    password: salt === undefined ? null : { iterations: Number(iterations), salt: fromBase64Url(salt) },
  };
}

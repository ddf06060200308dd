import { createHmac, createSign, type KeyObject } from 'node:crypto';

export const base64url = (data: string | Buffer) => Buffer.from(data).toString('base64url');

/** A JWS as text, of whatever is given: no library would write most of these. */
export function rawToken(header: unknown, payload: unknown, sign: (signingInput: string) => string | Buffer): string {
  const text = (part: unknown) => base64url(typeof part === 'string' ? part : JSON.stringify(part));
  const input = `${text(header)}.${text(payload)}`;
  return `${input}.${base64url(sign(input))}`;
}

export const hmac =
  (secret: string | Buffer, hash = 'sha256') =>
  (input: string) =>
    createHmac(hash, secret).update(input).digest();

export const rsa = (key: KeyObject) => (input: string) => createSign('sha256').update(input).sign(key);

export const unsigned = () => '';

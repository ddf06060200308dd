import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';

export type Claims = JWTPayload;

/** What a token says of itself, believed by nobody yet; null for what is no JWT. */
export function readUnverified(token: string): { header: ProtectedHeaderParameters; payload: JWTPayload } | null {
  try {
    return { header: decodeProtectedHeader(token), payload: decodeJwt(token) };
  } catch {
    return null;
  }
}

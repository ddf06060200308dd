import { decodeJwt } from 'jose';
import { unauthenticated } from './token-refusal.ts';

/** Maximum remaining lifetime of a token in a path, where proxies and browser histories may store it. */
const MAX_SECONDS = 3600;

/**
 * Accepts a verified token that expires within the hour.
 * @throws {Problem} `unauthenticated`.
 */
export function requireShortLived(token: string, at: Date, clockToleranceSeconds: number): void {
  const { exp } = decodeJwt(token);
  if (exp !== undefined && exp - at.getTime() / 1000 <= MAX_SECONDS + clockToleranceSeconds) return;
  throw unauthenticated(`a token in a path must expire (exp) within ${MAX_SECONDS} seconds`, { claim: 'exp' });
}

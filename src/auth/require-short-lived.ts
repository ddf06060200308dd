import { decodeJwt } from 'jose';
import { unauthenticated } from './refusal.ts';

/** How long a token may live on that stands in a path, where proxies and histories may keep it. */
const MAX_SECONDS = 3600;

/**
 * Lets a token pass that ends within the hour; it must have been verified before.
 * @throws {Problem} `unauthenticated`.
 */
export function requireShortLived(token: string, at: Date, clockToleranceSeconds: number): void {
  const { exp } = decodeJwt(token);
  if (exp !== undefined && exp - at.getTime() / 1000 <= MAX_SECONDS + clockToleranceSeconds) return;
  throw unauthenticated(`a token in a path must end (exp) within ${MAX_SECONDS} seconds`, { claim: 'exp' });
}

import { type CryptoKey, createLocalJWKSet, errors, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { downloadText } from '../download-text.ts';
import { unavailable } from '../errors.ts';

/** A set this old is fetched again behind the request that notices. */
const REFRESH_AFTER_MS = 600_000;
/** Nobody asked for so long that a key may have been revoked long ago: the request waits for the fetch. */
const IDLE_AFTER_MS = 2 * REFRESH_AFTER_MS;
/** At most one fetch in this time, whatever key ids are made up and however often the URL fails. */
const COOL_DOWN_MS = 30_000;
/** The same while there is no set at all and nothing verifies: as long as `Retry-After` says. */
const FIRST_SET_COOL_DOWN_MS = 5000;
/** The sets of large issuers have a few KiB. */
const MAX_SET_BYTES = 512 * 1024;

/**
 * Finds a token's key in the JWK Set (RFC 7517, section 5) behind a URL. The set is fetched at once, then every 10
 * minutes behind a request, and when a key id is unknown; a fetch takes at most 5 s and is followed by 30 s without
 * one. The last good set stays while the URL is down or serves rubbish: jose's own `createRemoteJWKSet` refuses
 * everything then, and fetches once a request. A token without `kid` verifies only where a single key fits its
 * algorithm (OpenID Connect Core, section 10.1).
 * @param options.onRefreshFailed called with the reason of each fetch that failed.
 * @param options.onKeysReplaced called after each good fetch: what verified before may not any more.
 * @returns a resolver that throws `Problem` `keys-unavailable` while no set was ever fetched, jose's errors else.
 */
export function createRemoteKeySet(options: {
  url: string;
  now: () => Date;
  onKeysReplaced: () => void;
  onRefreshFailed?: ((error: unknown) => void) | undefined;
}): JWTVerifyGetKey<CryptoKey> {
  const { url, now, onKeysReplaced, onRefreshFailed } = options;
  let keySet: LocalJWKSet | undefined;
  let failure: unknown;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  async function replaceKeys(): Promise<void> {
    try {
      keySet = createLocalJWKSet(await fetchKeySet(url));
      failure = undefined;
      onKeysReplaced();
    } catch (error) {
      failure = error;
      onRefreshFailed?.(error);
    }
    triedAtMs = now().getTime();
    pending = undefined;
  }

  /** Never rejects; joins the fetch that is under way. */
  function refresh(): Promise<void> {
    pending ??= replaceKeys();
    return pending;
  }

  void refresh();

  return async (header, token) => {
    const sinceTriedMs = () => now().getTime() - triedAtMs;
    if (sinceTriedMs() >= (keySet === undefined ? FIRST_SET_COOL_DOWN_MS : IDLE_AFTER_MS)) await refresh();
    else if (sinceTriedMs() >= (failure === undefined ? REFRESH_AFTER_MS : COOL_DOWN_MS)) void refresh();
    if (keySet === undefined) throw unavailable('keys', failure);
    try {
      return await keySet(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || sinceTriedMs() < COOL_DOWN_MS) throw error;
    }
    await refresh();
    return keySet(header, token);
  };
}

/**
 * The JWK Set behind a URL, as it comes.
 * @throws {Error} as `downloadText`, or for what is not JSON.
 */
export async function fetchKeySet(url: string) {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  return JSON.parse(await downloadText(url, { maxBytes: MAX_SET_BYTES, headers }));
}

import { type CryptoKey, createLocalJWKSet, errors, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { unavailable } from '../contract/errors.ts';
import { downloadText } from '../net/download-text.ts';
import { ON_WORKERS } from '../net/on-workers.ts';

/** A set of this age is fetched again, in the background of a request. */
const REFRESH_AFTER_MS = 600_000;
/** Retry interval after a failed fetch. */
const RETRY_AFTER_MS = 30_000;
/** A set of this age may contain revoked keys: the request waits for the fetch. */
const IDLE_AFTER_MS = 2 * REFRESH_AFTER_MS;
/**
 * Minimum interval between fetches for unknown key ids, which anyone can invent, and retry interval until the first set
 * arrives; also the value of `Retry-After`.
 */
const COOL_DOWN_MS = 5000;
/** How many unknown key ids are remembered. */
const MAX_UNKNOWN = 1000;
/** The sets of large issuers have a few KiB. */
const MAX_SET_BYTES = 512 * 1024;

/** Called for each failed fetch; `hasKeys`: an earlier fetch provided keys. */
export type OnRefreshFailed = (error: unknown, hasKeys: boolean) => void;

/**
 * Finds a token's key in the JWK Set (RFC 7517, section 5) at a URL. The set is fetched at start, then every 10 minutes
 * in the background of a request, and for unknown key ids at most every 5 s; a fetch may take 5 s. The last good set
 * stays in use while the URL is down or serves something else: jose's own `createRemoteJWKSet` would refuse everything
 * then, and fetch for each request.
 *
 * An unknown key id may have been published a moment ago. So it is refused only after a good fetch that began after the
 * id was first seen; until then (within the 5 s, or while the URL fails) the answer is `keys-unavailable`. A token
 * without `kid` verifies only if a single key fits its algorithm (OpenID Connect Core, section 10.1).
 * @param options.uptimeMs a monotonic clock in milliseconds.
 * @param options.onKeysReplaced called when the set has changed: tokens that verified before may no longer verify.
 * @returns a resolver that throws the `Problem` `keys-unavailable` as above and before the first good fetch, otherwise
 * jose's errors.
 */
export function createRemoteKeySet(options: {
  url: string;
  uptimeMs: () => number;
  onKeysReplaced: () => void;
  onRefreshFailed?: OnRefreshFailed | undefined;
}): JWTVerifyGetKey<CryptoKey> {
  const { url, uptimeMs, onKeysReplaced, onRefreshFailed } = options;
  const unknown = createUnknownIds();
  let keySet: LocalJWKSet | undefined;
  let text = '';
  let failure: unknown;
  let fetchCount = 0;
  /** The number of the last good fetch. */
  let readBy = 0;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let askedForIdAtMs = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  async function replaceKeys(): Promise<void> {
    fetchCount += 1;
    const number = fetchCount;
    try {
      const fetched = await fetchKeySet(url);
      const fetchedText = JSON.stringify(fetched);
      if (fetchedText !== text) {
        const before = keySet;
        keySet = createLocalJWKSet(fetched);
        text = fetchedText;
        unknown.startOver([before, keySet].flatMap((set) => set?.jwks().keys ?? []).map(({ kid }) => kid));
        onKeysReplaced();
      }
      failure = undefined;
      readBy = number;
    } catch (error) {
      failure = error;
      onRefreshFailed?.(error, keySet !== undefined);
    }
    triedAtMs = uptimeMs();
    pending = undefined;
  }

  /** Never rejects; joins a running fetch. */
  function refresh(): Promise<void> {
    pending ??= replaceKeys();
    return pending;
  }

  /** The current set. Until there is one, any request may start a fetch. */
  async function currentSet(): Promise<LocalJWKSet> {
    const sinceTriedMs = uptimeMs() - triedAtMs;
    if (sinceTriedMs >= (keySet === undefined ? COOL_DOWN_MS : IDLE_AFTER_MS)) await refresh();
    else if (sinceTriedMs >= (failure === undefined ? REFRESH_AFTER_MS : RETRY_AFTER_MS)) {
      const refreshed = refresh();
      // A fetch would end with the request that began it, unfinished.
      if (ON_WORKERS) await refreshed;
    }
    if (keySet === undefined) throw unavailable('keys', failure);
    return keySet;
  }

  if (!ON_WORKERS) void refresh();

  return async (header, token) => {
    try {
      return await (await currentSet())(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    const fetchesBefore = unknown.fetchesBefore(header.kid, fetchCount);
    const mayAsk = uptimeMs() - askedForIdAtMs >= COOL_DOWN_MS;
    if (mayAsk) askedForIdAtMs = uptimeMs();
    if (mayAsk || pending !== undefined) await refresh();
    try {
      return await (await currentSet())(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || readBy > fetchesBefore) throw error;
      throw unavailable('keys', failure ?? error);
    }
  };
}

/**
 * How many fetches had begun before each unknown key id was first seen. Only the last 1,000 ids are kept, so that
 * invented ones cannot fill the memory. 0 for ids that are or were in the set: their keys are withdrawn or unsuitable,
 * not new.
 */
function createUnknownIds() {
  const missed = new Map<string | undefined, number>();
  let known: ReadonlySet<string | undefined> = new Set();
  return {
    fetchesBefore(kid: string | undefined, fetchCount: number): number {
      const before = known.has(kid) ? 0 : missed.get(kid);
      if (before !== undefined) return before;
      missed.set(kid, fetchCount);
      if (missed.size > MAX_UNKNOWN) missed.delete(missed.keys().next().value);
      return fetchCount;
    },
    startOver(ids: readonly (string | undefined)[]): void {
      missed.clear();
      known = new Set(ids.filter((id) => id !== undefined));
    },
  };
}

/**
 * Downloads a JWK Set, without validating it.
 * @throws {Error} as `downloadText`, or if it is not JSON.
 */
export async function fetchKeySet(url: string) {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  return JSON.parse(await downloadText(url, { maxBytes: MAX_SET_BYTES, headers }));
}

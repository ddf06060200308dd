import { type CryptoKey, createLocalJWKSet, errors, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { unavailable } from '../contract/errors.ts';
import { downloadText } from '../net/download-text.ts';

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

/** Called for each failed fetch, with whether an earlier one provided keys. */
export type OnRefreshFailed = (error: unknown, hasKeys: boolean) => void;

/**
 * Finds a token's key in the JWK Set (RFC 7517, section 5) behind a URL. The set is fetched at once, then every 10
 * minutes behind a request, and when a key id is unknown, at most every 5 s and within 5 s. The last good set stays
 * while the URL is down or serves rubbish: jose's own `createRemoteJWKSet` refuses everything then, and fetches once a
 * request.
 *
 * A key id that is in no set may be one that was published a moment ago. So it is refused only once a good fetch has
 * been begun since it was first seen; before that, within the 5 s and while the URL fails, the answer is
 * `keys-unavailable`. A token without `kid` verifies only where a single key fits its algorithm (OpenID Connect Core,
 * section 10.1).
 * @param options.uptimeMs a clock that nobody sets, in milliseconds.
 * @param options.onKeysReplaced called when the set has changed: what verified before may not any more.
 * @returns a resolver that throws `Problem` `keys-unavailable` as above and while no set was ever fetched, else jose's
 * errors.
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

  /** Never rejects; joins the fetch that is under way. */
  function refresh(): Promise<void> {
    pending ??= replaceKeys();
    return pending;
  }

  /** The set there is; while there is none, every request may bring a fetch about. */
  async function currentSet(): Promise<LocalJWKSet> {
    const sinceTriedMs = uptimeMs() - triedAtMs;
    if (sinceTriedMs >= (keySet === undefined ? COOL_DOWN_MS : IDLE_AFTER_MS)) await refresh();
    else if (sinceTriedMs >= (failure === undefined ? REFRESH_AFTER_MS : RETRY_AFTER_MS)) void refresh();
    if (keySet === undefined) throw unavailable('keys', failure);
    return keySet;
  }

  void refresh();

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
 * How many fetches were begun before each key id was first missed, of the last 1,000: made-up ones must not fill the
 * memory. None before those that stand or stood in the set: a key that was withdrawn, or is for something else, is no
 * news.
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
 * The JWK Set behind a URL, as it comes.
 * @throws {Error} as `downloadText`, or for what is not JSON.
 */
export async function fetchKeySet(url: string) {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  return JSON.parse(await downloadText(url, { maxBytes: MAX_SET_BYTES, headers }));
}

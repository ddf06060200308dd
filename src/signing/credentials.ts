/** The AWS SDK's own shape, so that its providers' results fit unchanged. */
export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When temporary credentials expire; unset for long-lived ones. */
  readonly expiration?: Date;
};

/** The SDK's providers renew in the last five minutes too; earlier calls would return the same credentials. */
const REFRESH_BEFORE_END_MS = 300_000;

/** The minimum time between background refreshes of a provider that fails or returns the same credentials. */
const REFRESH_PAUSE_MS = 10_000;

/**
 * Caches the result of a credentials provider. While the credentials are valid, the returned function answers at once,
 * without a promise. In their last 5 minutes it refreshes them in the background; after a failed refresh it waits at
 * least 10 seconds before the next one. Only the first call, and calls after expiry, wait; concurrent callers share one
 * fetch.
 *
 * Rejects with the provider's error, or with an Error if the provider returned expired credentials; the next call asks
 * again. Never returns expired credentials.
 */
export function rememberCredentials(
  provider: () => Promise<Credentials>,
  now: () => Date,
): () => Credentials | Promise<Credentials> {
  let remembered: Credentials | undefined;
  let fetching: Promise<Credentials> | undefined;
  let nextRefreshMs = 0;

  async function fetch(): Promise<Credentials> {
    try {
      const fetched = await provider();
      if (remainingMs(fetched, now()) <= 0) throw new Error('The provider gave credentials that have already expired');
      remembered = fetched;
      return fetched;
    } finally {
      nextRefreshMs = now().getTime() + REFRESH_PAUSE_MS;
    }
  }

  function fetchOnce(): Promise<Credentials> {
    fetching ??= fetch().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  return () => {
    if (remembered === undefined) return fetchOnce();
    const at = now();
    const leftMs = remainingMs(remembered, at);
    if (leftMs <= 0) return fetchOnce();
    if (leftMs < REFRESH_BEFORE_END_MS && at.getTime() >= nextRefreshMs) {
      fetchOnce().catch(() => {
        // The cached credentials are still valid; after they expire, the waiting caller gets the error.
      });
    }
    return remembered;
  };
}

function remainingMs(credentials: Credentials, at: Date): number {
  return (credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - at.getTime();
}

/** In the AWS SDK's own shape, so that what a provider of its gives fits as it is. */
export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When temporary credentials end; long-lived ones have none. */
  readonly expiration?: Date;
};

/** The SDK's providers renew in the last five minutes as well: asked earlier they would give the same again. */
const REFRESH_BEFORE_END_MS = 300_000;

/** Between two refreshes in the background, so that a provider that fails or gives the same is not asked by every request. */
const REFRESH_PAUSE_MS = 10_000;

/**
 * Remembers what a provider of credentials gave. The function it returns answers at once, without a promise, while
 * they are valid; in their last 5 minutes it refreshes them in the background, and a refresh that fails leaves them as
 * they are until the next one, at least 10 seconds later. Only the first call and calls after the end wait; callers
 * at the same time share one fetch.
 *
 * Rejects with what the provider threw, or with an Error when it gave credentials that have already ended; the next
 * call asks again. Expired credentials are never handed out.
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
        // What is remembered is still valid; once it is not, the caller that waits gets the error.
      });
    }
    return remembered;
  };
}

function remainingMs(credentials: Credentials, at: Date): number {
  return (credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - at.getTime();
}

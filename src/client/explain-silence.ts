/** A request that got no answer from a server that has never answered. */
export type SilentRequest = { url: string; bearer?: string | undefined; fetch: typeof fetch };

export type Reason = { code: string; detail: string; retryable: boolean };

const PROBE_MS = 5000;

/**
 * Why a request got no answer: its URL or its token is not valid, or the server's CORS rules do not let the page read
 * answers. In that case the server answers a request without CORS (Fetch, section 2.2.6, "opaque filtered response").
 * This is a guess, because the connection may just have come back, so the request is retried. This module is loaded
 * when it is first needed.
 * @returns null if the network may be the reason.
 */
export async function explainSilence({ url, bearer, fetch }: SilentRequest): Promise<Reason | null> {
  const page = globalThis.location;
  const address = parseUrl(url, page?.href);
  if (address === null || !/^https?:$/.test(address.protocol) || address.username !== '') {
    return invalid('url', 'must be the URL of the service without ? and #, such as https://files.example.com');
  }
  // RFC 6750, section 2.1.
  if (!/^[!-~]*$/.test(bearer ?? '')) return invalid('token', 'must be a string of visible ASCII characters');
  if (page === undefined || address.origin === page.origin) return null;
  const signal = AbortSignal.timeout(PROBE_MS);
  return fetch(address.origin, { mode: 'no-cors', credentials: 'omit', signal }).then(
    () => ({
      code: 'blocked-by-cors',
      detail: `${address.origin} does not let pages of ${page.origin} read its answers (CORS)`,
      retryable: true,
    }),
    () => null,
  );
}

function parseUrl(url: string, base: string | undefined): URL | null {
  try {
    return new URL(url, base);
  } catch {
    return null;
  }
}

function invalid(option: string, detail: string): Reason {
  return { code: `invalid-${option}`, detail: `\`${option}\` ${detail}`, retryable: false };
}

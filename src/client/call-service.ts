import { noAnswer } from './no-answer.ts';
import { isTransient, networkError, retryAfterSeconds, SignpostError } from './signpost-error.ts';

/**
 * One request to the service, by default a POST. Returns the answer's JSON, or undefined. Throws `SignpostError`, or
 * the signal's reason.
 */
export type CallService = <Answer>(
  path: string,
  body: unknown,
  signal: AbortSignal,
  method?: string,
) => Promise<Answer>;

export type ServiceOptions = {
  /** The service's base URL: `https://uploads.example.com`. */
  url: string;
  /**
   * The bearer token, or a function that returns it. Called before every request, so a token can be renewed. What it
   * throws fails the upload, but while the browser is offline it is waited out. Without a token the page's own cookies
   * say who asks: for a service mounted in the app, on the same origin.
   */
  token?: string | (() => string | Promise<string>) | undefined;
  /**
   * Called when the service refuses the token: renew the session here. Then `token` is asked again, and the request is
   * sent once more. A second refusal is final.
   */
  onUnauthorized?: (() => void | Promise<void>) | undefined;
  /** For requests to the service, and to the bucket where there is no `XMLHttpRequest`. */
  fetch: typeof fetch;
};

/** @param stallTimeoutMs a request is given up after five times as long: the service may verify a file meanwhile. */
export function createCallService({
  url,
  token,
  onUnauthorized,
  fetch,
  stallTimeoutMs = 60_000,
}: ServiceOptions & { stallTimeoutMs?: number | undefined }): CallService {
  // No path can follow a query: what begins with `no:` is refused as an invalid URL.
  const base = `${url}`.replace(/\/+$/, '').replace(/.*[?#].*/, 'no:');
  let wasReached = false;
  const ask = async () => {
    try {
      return await (typeof token === 'function' ? token() : token);
    } catch (error) {
      // Offline, no app can renew a token: that is waited out as every lost connection is.
      throw globalThis.navigator?.onLine === false ? networkError(error, wasReached) : error;
    }
  };

  async function send(path: string, body: unknown, signal: AbortSignal, method: string, bearer: string | undefined) {
    const ends = new AbortController();
    const end = () => ends.abort();
    const timer = setTimeout(end, 5 * stallTimeoutMs);
    signal.addEventListener('abort', end, ends);
    try {
      signal.throwIfAborted();
      const response = await fetch(base + path, {
        method,
        headers: {
          ...(bearer && { authorization: `Bearer ${bearer}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        // undefined without one.
        body: JSON.stringify(body),
        signal: ends.signal,
      });
      const text = await response.text();
      wasReached = true;
      return { response, text };
    } catch (cause) {
      signal.throwIfAborted();
      throw await noAnswer({ url: base + path, bearer, fetch }, wasReached, cause);
    } finally {
      clearTimeout(timer);
      // Removes its listener from the signal.
      end();
    }
  }

  return async (path, body, signal, method = 'POST') => {
    const bearer = await ask();
    let answer = await send(path, body, signal, method, bearer);
    if (answer.response.status === 401) {
      await onUnauthorized?.();
      const next = await ask();
      if (next !== bearer || onUnauthorized) answer = await send(path, body, signal, method, next);
    }
    const { response, text } = answer;
    const json = parseJson(text);
    const { status } = response;
    // The service answers 204 or with JSON; each of its problems has a text as `code`.
    if (response.ok && (json || status === 204)) return json;

    const {
      code = 'unexpected-answer',
      detail = `${response.url || path} answered ${status}`,
      errors = [],
      requestId = null,
    } = typeof json?.code === 'string' ? json : {};
    const retryAfter = response.headers.get('retry-after');
    throw new SignpostError({
      code,
      status,
      detail,
      errors,
      requestId,
      // A refusal with `Retry-After` is temporary: a 409 for an object that changed meanwhile.
      retryable: isTransient(status) || retryAfter !== null,
      retryAfterSeconds: retryAfterSeconds(retryAfter),
    });
  };
}

/** undefined for what is not JSON. */
function parseJson(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { isTransient, networkError, retryAfterSeconds, SignpostError } from './signpost-error.ts';

/** One POST to the service: the answer's JSON, undefined for none. Throws `SignpostError`, or the signal's reason. */
export type CallService = <Answer>(path: string, body: unknown, signal: AbortSignal) => Promise<Answer>;

export type ServiceOptions = {
  /** Where the service is: `https://uploads.example.com`. */
  url: string;
  /** The bearer token, or what gives it: asked before every request, so that it may be renewed during a long upload. */
  token: string | (() => string | Promise<string>);
  /** For requests to the service, and for those to the bucket where there is no `XMLHttpRequest`. */
  fetch: typeof fetch;
};

export function createCallService({ url, token, fetch }: ServiceOptions): CallService {
  const base = url.replace(/\/+$/, '');
  return async (path, body, signal) => {
    const bearer = typeof token === 'string' ? token : await token();
    let response: Response;
    let text: string;
    try {
      response = await fetch(base + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      });
      text = await response.text();
    } catch (cause) {
      signal.throwIfAborted();
      throw networkError(cause);
    }
    const json = parseJson(text);
    if (response.ok && json !== null) return json;

    const { status } = response;
    const { code = 'unexpected-answer', detail = `${path} answered ${status}`, errors, requestId } = json ?? {};
    const retryAfter = response.headers.get('retry-after');
    throw new SignpostError({
      ...{ code, status, detail, errors, requestId },
      // A refusal that says when to ask again will pass: a 409 for an object that changed meanwhile.
      retryable: isTransient(status) || retryAfter !== null,
      retryAfterSeconds: retryAfterSeconds(retryAfter),
    });
  };
}

/** undefined for an empty text, null for what is not JSON. */
function parseJson(text: string) {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return null;
  }
}

import { Readable } from 'node:stream';
import type { Pool } from 'undici';
import { ON_WORKERS } from '../net/on-workers.ts';
import { CONNECT_WITHIN_MS, limitBody, type RequestLimits, withDefaults } from './request-limits.ts';

/** A signed request; see `signRequest`. */
export type RawRequest = { method: 'GET' | 'HEAD' | 'DELETE'; path: string; headers: Record<string, string> };

/** An answer whose body must be read to its end, or destroyed. Header names are in lower case. */
export type RawAnswer = { status: number; headers: Readonly<Record<string, string>>; body: Readable };

/** Kept-alive connections to one server. */
export type Connections = {
  /**
   * Sends one request, as it is: redirects are not followed, nothing is sent again, encoded bodies are not decoded.
   * @throws {Error} of the network, or for an answer that does not begin in time. The body fails likewise.
   */
  send(request: RawRequest): Promise<RawAnswer>;
  close(): Promise<void>;
};

/**
 * Separate connections for one kind of request. If there are `maxSockets`, a request waits for a free one.
 * @param origin the server's URL, without a path.
 */
export function openConnections(origin: string, requestLimits: RequestLimits = {}): Connections {
  const limits = withDefaults(requestLimits);
  const { bodyWithinMs } = limits;
  const { send, close } = ON_WORKERS ? overFetch(origin, limits) : overUndici(origin, limits);
  return {
    async send(request) {
      const answer = await send(request);
      // Without a listener, a body that is destroyed or breaks off while it is not being read would end the process.
      answer.body.on('error', () => {});
      if (bodyWithinMs !== null && request.method !== 'HEAD') limitBody(answer.body, bodyWithinMs);
      return answer;
    },
    close,
  };
}

/** The library is loaded after this time: at once, it would add a tenth to the time until the service listens. */
const LOAD_AFTER_MS = 1_000;

/**
 * A HEAD takes 22 µs of CPU over undici, 26 over `node:http`, 317 over `fetch`, and 475 with the AWS SDK. The library
 * is loaded for the first request, or a second after the start.
 */
function overUndici(origin: string, { answerWithinMs, mayPause, maxSockets }: Required<RequestLimits>): Connections {
  let opening: Promise<Pool> | undefined;
  // A failure is that of the first request.
  const loading = setTimeout(() => open().catch(() => {}), LOAD_AFTER_MS).unref();

  function open(): Promise<Pool> {
    clearTimeout(loading);
    // A bundler gives a CommonJS module to `import()` as the default export only.
    opening ??= import('undici').then(
      ({ default: undici }) =>
        new undici.Pool(origin, {
          connections: maxSockets,
          connect: { timeout: CONNECT_WITHIN_MS },
          headersTimeout: answerWithinMs,
          bodyTimeout: mayPause ? 0 : answerWithinMs,
        }),
    );
    return opening;
  }

  return {
    async send(request) {
      const pool = await open();
      // Without `reset: false`, a connection ends with its first HEAD.
      const { statusCode, headers, body } = await pool.request({ ...request, reset: false });
      return { status: statusCode, headers: joined(headers), body };
    },
    async close() {
      clearTimeout(loading);
      await (await opening)?.destroy();
    },
  };
}

/** Cloudflare's workerd has no sockets that outlive a request. */
function overFetch(origin: string, { answerWithinMs }: Required<RequestLimits>): Connections {
  return {
    async send({ path, ...request }) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(new Error(`no answer within ${answerWithinMs} ms`)), answerWithinMs);
      const answer = await fetch(`${origin}${path}`, { ...request, redirect: 'manual', signal: late.signal }).finally(
        () => clearTimeout(timer),
      );
      const body = Readable.from(answer.body ?? []);
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body };
    },
    close: async () => {},
  };
}

/** A header that is sent twice has both values, as in Node's own client (RFC 9110, section 5.3). */
function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const one: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) one[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return one;
}

import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The answer to a request, with the headers that middleware set. Not built with Hono's `c.json` and `c.header`: they
 * create Headers objects that Node's server unpacks again, which took half of the time of a presigned upload
 * (bench/README.md). A body with a `content-encoding` is encoded already: without `encodeBody`, a Cloudflare Worker
 * would encode it again.
 */
export function answer(
  c: Context<Env>,
  status: number,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream | null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const bytesHeld = typeof body === 'string' ? Buffer.byteLength(body) : 0;
  c.set('bytesHeld', bytesHeld);
  c.set('bytesOut', bytesHeld || Number(headers['content-length'] ?? 0));
  const init = { status, headers: { ...c.get('headers'), ...headers }, encodeBody: 'manual' };
  return new Response(body, init);
}

/** A JSON answer. Default status: 200. */
export function answerJson(c: Context<Env>, body: unknown, status = 200): Response {
  return answer(c, status, JSON.stringify(body), { 'content-type': 'application/json' });
}

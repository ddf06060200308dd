import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The answer to a request, with the headers that middleware set. Not built with Hono's `c.json` and `c.header`: they
 * create Headers objects that Node's server unpacks again, which took half of the time of a presigned upload
 * (bench/README.md).
 */
export function answer(
  c: Context<Env>,
  status: number,
  body: string | ReadableStream | null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  c.set('bytesOut', typeof body === 'string' ? Buffer.byteLength(body) : Number(headers['content-length'] ?? 0));
  return new Response(body, { status, headers: { ...c.get('headers'), ...headers } });
}

/** A JSON answer. Default status: 200. */
export function answerJson(c: Context<Env>, body: unknown, status = 200): Response {
  return answer(c, status, JSON.stringify(body), { 'content-type': 'application/json' });
}

import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The answer to a request, with the headers its middleware set. A Response of plain parts, not Hono's `c.json` and
 * `c.header`: those build Headers objects on the way, which Node's server takes apart again, which made
 * half of the time of a presigned upload (bench/README.md).
 */
export function answer(
  c: Context<Env>,
  status: number,
  body: string | ReadableStream | null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...c.get('headers'), ...headers } });
}

/** A JSON answer, 200 unless said otherwise. */
export function answerJson(c: Context<Env>, body: unknown, status = 200): Response {
  return answer(c, status, JSON.stringify(body), { 'content-type': 'application/json' });
}

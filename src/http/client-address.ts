import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The client's IP address: that of the connection, or, behind `trustedProxies` of them, the entry of `X-Forwarded-For`
 * that the outermost added. Whatever stands left of that one, the client may have written itself.
 * @returns null where a proxy left out what it should have added, or there is no connection.
 */
export function clientAddress(c: Context<Env>, trustedProxies: number): string | null {
  const remote = c.env?.incoming?.socket.remoteAddress ?? null;
  if (trustedProxies === 0) return remote;
  const entry = c.req.header('x-forwarded-for')?.split(',').at(-trustedProxies)?.trim() ?? '';
  return isIP(entry) === 0 ? null : entry;
}

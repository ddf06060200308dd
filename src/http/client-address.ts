import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The client's IP address: the connection's, or, behind `trustedProxies` proxies, the `X-Forwarded-For` entry that the
 * outermost proxy added. Entries to its left may be forged by the client.
 * @returns null if a proxy did not add its entry, or there is no connection.
 */
export function clientAddress(c: Context<Env>, trustedProxies: number): string | null {
  if (trustedProxies === 0) return toAddress(c.env?.incoming?.socket.remoteAddress ?? '');
  return toAddress(c.req.header('x-forwarded-for')?.split(',').at(-trustedProxies) ?? '');
}

/**
 * Parses an address as proxies write it: optionally quoted, with a port (Azure: `203.0.113.7:51234`,
 * `[2001:db8::1]:443`) or a zone, which are dropped. Returns an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) as
 * IPv4.
 */
function toAddress(entry: string): string | null {
  if (isIP(entry) === 4) return entry;
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const [, inBrackets, withPort] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(text) ?? [];
  const address = (inBrackets ?? withPort ?? text).replace(/%[\w.-]+$/, '');
  if (isIP(address) === 0) return null;
  const mapped = /^::ffff:(?:0:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? fromHexadecimal(address) ?? address;
}

/** `::ffff:cb00:7107` as 203.0.113.7. */
function fromHexadecimal(address: string): string | undefined {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return [high, low]
    .map((digits) => Number.parseInt(digits, 16))
    .map((number) => `${number >> 8}.${number & 255}`)
    .join('.');
}

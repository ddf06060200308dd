import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { Env } from './env.ts';

/**
 * The client's IP address: that of the connection, or, behind `trustedProxies` of them, the entry of `X-Forwarded-For`
 * that the outermost added. Whatever stands left of that one, the client may have written itself.
 * @returns null where a proxy left out what it should have added, or there is no connection.
 */
export function clientAddress(c: Context<Env>, trustedProxies: number): string | null {
  if (trustedProxies === 0) return toAddress(c.env?.incoming?.socket.remoteAddress ?? '');
  return toAddress(c.req.header('x-forwarded-for')?.split(',').at(-trustedProxies) ?? '');
}

/**
 * An address as proxies write them: in quotes or not, with a port (Azure: `203.0.113.7:51234`, `[2001:db8::1]:443`) or
 * a zone, which are left out; an IPv4 address within IPv6 (RFC 4291, section 2.5.5.2) as what it is.
 */
function toAddress(entry: string): string | null {
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

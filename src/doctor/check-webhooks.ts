import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectSecurely, TLSSocket } from 'node:tls';
import type { Config } from '../config/config.ts';
import { isPublicAddress } from '../net/public-address.ts';
import { reasonOf } from '../net/reason-of.ts';
import { type Check, fail, ok, unreachable } from './check.ts';

const CONNECTED_WITHIN_MS = 5_000;

/**
 * Resolves the receiver of webhooks, and connects to the address that an event would be sent to, with TLS. No event and
 * no request is sent. Nothing without `WEBHOOK_URL`.
 */
export async function* checkWebhooks(
  { webhooks }: Pick<Config, 'webhooks'>,
  signal: AbortSignal,
): AsyncIterable<Check> {
  if (webhooks === null) return;
  const { protocol, hostname, port } = new URL(webhooks.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isSecure = protocol === 'https:';
  let addresses: string[];
  try {
    addresses = (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    yield unreachable('webhooks: address', reasonOf(error), 'WEBHOOK_URL, or the DNS');
    return;
  }
  const [address] = addresses.filter((each) => webhooks.allowPrivate || isPublicAddress(each));
  if (address === undefined) {
    const detail = `${host} has no public address: no event is sent`;
    yield fail('webhooks: address', detail, 'WEBHOOK_URL; or WEBHOOK_ALLOW_PRIVATE=true');
    return;
  }
  yield ok('webhooks: address', `${host} is ${address}`);

  const name = 'webhooks: connection';
  const to = { host: address, port: Number(port) || (isSecure ? 443 : 80) };
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = isSecure ? connectSecurely({ ...to, ...servername }) : connect(to);
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(CONNECTED_WITHIN_MS)]);
    await once(socket, isSecure ? 'secureConnect' : 'connect', { signal: within });
    yield ok(name, describe(socket));
  } catch (error) {
    if (!signal.aborted) yield unreachable(name, reasonOf(error), 'WEBHOOK_URL, its certificate, or the network');
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

function describe(socket: Socket): string {
  if (!(socket instanceof TLSSocket)) return 'connected, without TLS; no event was sent';
  return `${socket.getProtocol()}, certificate until ${socket.getPeerCertificate().valid_to}; no event was sent`;
}

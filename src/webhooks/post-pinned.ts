import { lookup as lookUp } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../net/public-address.ts';

/** A receiver's answer. `retryAfter` is its header of that name. */
type ReceiverAnswer = { status: number; retryAfter: string | null };

/**
 * Sends one request, and follows no redirect.
 * @param signal ends the request.
 * @throws {Error} if there is no answer.
 */
export type Post = (
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<ReceiverAnswer>;

type Resolve = (
  hostname: string,
  options: { all: true },
  callback: (error: Error | null, addresses: { address: string; family: number }[]) => void,
) => void;

/** How long a connection may take, with TLS. */
const CONNECTED_WITHIN_MS = 5_000;

/** How much of an answer's body is read, so that the receiver sees no reset. Its content does not matter. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Sends to this URL. For each request, the name is resolved once, its addresses are checked, and the connection goes to
 * one of them. So a second look-up cannot give another address.
 * @param allowPrivate whether addresses that are not public may be called (`isPublicAddress`).
 * @param resolve Default: the system's resolver.
 */
export function createPinnedPost(url: string, allowPrivate: boolean, resolve: Resolve = lookUp): Post {
  const { protocol, hostname } = new URL(url);
  const isSecure = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const mayCall = (address: string) => allowPrivate || isPublicAddress(address);

  const lookup: LookupFunction = (name, { all }, callback) => {
    resolve(name, { all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const allowed = addresses.filter(({ address }) => mayCall(address));
      const [first] = allowed;
      if (first === undefined) return callback(privateAddress(name), '');
      if (all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };

  return (body, headers, signal) =>
    new Promise((answer, reject) => {
      // The host is an address, so nothing is looked up.
      if (isIP(host) !== 0 && !mayCall(host)) return reject(privateAddress(host));
      const options = { method: 'POST', agent: false, lookup, headers, signal };
      const request = (isSecure ? https : http).request(url, options);
      const timer = setTimeout(() => {
        request.destroy(new Error(`no connection within ${CONNECTED_WITHIN_MS} ms`));
      }, CONNECTED_WITHIN_MS);
      request.once('socket', (socket) => {
        socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
      });
      let isAnswered = false;
      request.once('close', () => {
        clearTimeout(timer);
        // After a 101 there is neither a response nor an error.
        if (!isAnswered) reject(new Error('the receiver did not answer'));
      });
      request.on('error', reject);
      request.once('response', (response) => {
        isAnswered = true;
        const { statusCode = 0, headers } = response;
        // Only the status matters, even if the body breaks off.
        request.off('error', reject).on('error', () => {});
        response.on('error', () => {});
        let sizeBytes = 0;
        response.on('data', (chunk: Buffer) => {
          sizeBytes += chunk.length;
          if (sizeBytes > MAX_ANSWER_BYTES) response.destroy();
        });
        response.once('close', () => answer({ status: statusCode, retryAfter: headers['retry-after'] ?? null }));
      });
      request.end(body);
    });
}

function privateAddress(host: string): Error {
  return new Error(`${host} has no public address; WEBHOOK_ALLOW_PRIVATE=true allows private ones`);
}

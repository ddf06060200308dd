import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

/** As long as the SDK waits in a browser. */
const STALL_MS = 60_000;

const REDIRECTS = [301, 302, 307, 308];

/**
 * `fetch` for uploads from a disk: a PUT of a blob goes through `node:http`, which takes half the CPU time of Node's
 * own `fetch` (bench/README.md); all other requests use that `fetch`. A connection that is silent for a minute is given
 * up.
 */
export const fetchFromDisk: typeof fetch = async (input, init) => {
  if (typeof input !== 'string' || init?.method !== 'PUT' || !(init.body instanceof Blob)) return fetch(input, init);
  const answer = await put(input, init, init.body);
  // `fetch` follows it.
  return REDIRECTS.includes(answer.status) ? fetch(input, init) : answer;
};

async function put(url: string, { headers, signal }: RequestInit, body: Blob): Promise<Response> {
  const { request } = url.startsWith('https:') ? https : http;
  const sending = request(url, {
    method: 'PUT',
    headers: { ...Object.fromEntries(new Headers(headers)), 'content-length': body.size },
    ...(signal && { signal }),
  });
  sending.setTimeout(STALL_MS, () => sending.destroy(new Error('the connection is silent')));
  const answered = new Promise<Response>((resolve, reject) => {
    sending.on('error', reject);
    sending.on('response', (answer) => {
      const { statusCode: status = 0, headersDistinct } = answer;
      const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      // A Response has a status up to 599, and with 205 no body.
      text(answer)
        .then((found) => resolve(new Response(found === '' ? null : found, { status, headers: pairs })))
        .catch(reject);
    });
  });
  const send = async () => {
    for await (const piece of body.stream()) {
      // A refusal may come before all is sent.
      if (sending.destroyed || sending.closed) return;
      if (!sending.write(piece)) await once(sending, 'drain');
    }
    sending.end();
  };
  // An error while sending rejects `answered`, unless the bucket has answered already.
  send().catch((error: unknown) => sending.destroy(error instanceof Error ? error : new Error(String(error))));
  return answered;
}

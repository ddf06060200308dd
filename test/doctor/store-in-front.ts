import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listen } from '../helpers/listen.ts';

export type Sent = { method: string; path: string; query: URLSearchParams; headers: IncomingHttpHeaders; body: Buffer };
export type Returned = { status: number; headers: IncomingHttpHeaders; body: Buffer | string };

/**
 * A proxy in front of a real store: `answer` may pass a request on, change the store's answer, or answer itself. A
 * request that is passed on keeps its Host, so that the real store can check the client's signature.
 */
export async function startStoreInFront(
  targetUrl: string,
  answer: (sent: Sent, passOn: () => Promise<Returned>) => Promise<Returned>,
): Promise<{ url: string; stop(): Promise<void> }> {
  const target = new URL(targetUrl);
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    const body = await buffer(incoming);
    const passOn = async (): Promise<Returned> => {
      const outgoing = request({ hostname: target.hostname, port: target.port, method, path: url, headers });
      outgoing.end(body);
      const [answered] = await once(outgoing, 'response');
      return { status: answered.statusCode, headers: answered.headers, body: await buffer(answered) };
    };
    const { pathname: path, searchParams: query } = new URL(url, 'http://store');
    const returned = await answer({ method, path, query, headers, body }, passOn);
    response.writeHead(returned.status, returned.headers).end(method === 'HEAD' ? undefined : returned.body);
  });
  return {
    url: await listen(server),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** An error in S3's form. */
export function s3Error(status: number, code: string): Returned {
  const headers = { 'content-type': 'application/xml', 'x-amz-request-id': '4442587FB7D0A2F9' };
  return { status, headers, body: `<Error><Code>${code}</Code></Error>` };
}

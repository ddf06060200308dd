import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';

/** From a request's first byte to the end of its headers; a connection that sends nothing is closed as soon. */
const HEADERS_WITHIN_MS = 10_000;
/** The same to the end of its body, which has 1 MiB at most. */
const REQUEST_WITHIN_MS = 30_000;
/** How often those two are looked at. */
const CHECK_EVERY_MS = 5_000;

/** How long clients have, when it stops, to learn it from an answer before idle connections are closed on them. */
const NOTICE_MS = 500;
/** How long, then, it may take to find no connection in the port's queue. */
const QUEUE_MS = 2_000;
/** How long running requests may take to end then. */
const DRAIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

export type RunningServer = {
  port: number;
  /**
   * Ends without an answer lost: from now on every answer says `Connection: close` (RFC 9112, section 9.6), so that
   * clients let go by themselves; then the port is closed, and each connection as soon as it is idle. Resolves when the
   * last one is, after ten seconds at most.
   */
  stop(): Promise<void>;
};

/**
 * Serves HTTP/1.1. Resolves when it listens.
 * @param options.keepAliveSeconds how long an idle connection is kept: longer than a load balancer in front keeps its
 * own, or it will now and then send a request on one that is just being closed.
 * @throws the system's error, where it cannot listen there.
 */
export async function startServer(
  fetch: Parameters<typeof getRequestListener>[0],
  { host, port, keepAliveSeconds }: { host: string; port: number; keepAliveSeconds: number },
): Promise<RunningServer> {
  const server = createServer({
    keepAliveTimeout: keepAliveSeconds * 1000,
    headersTimeout: HEADERS_WITHIN_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  });
  const sockets = new Set<Socket>();
  const open = new Set<ServerResponse>();
  let isStopping = false;
  let accepted = 0;
  /** While the port is about to close: resolves when it is closed. */
  let portCloses: Promise<void> | null = null;

  server.on('connection', (socket: Socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const listener = getRequestListener(fetch);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    open.add(response);
    response.on('close', () => open.delete(response));
    if (isStopping) announceClose(response);
    if (portCloses === null) void listener(request, response);
    else void portCloses.then(() => listener(request, response));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();

  /**
   * Closing the port resets the connections that stand in its queue, of which the event loop takes one at a time. So it
   * is closed after a turn of the loop that found none. What is asked meanwhile is answered right after, so that
   * whoever has its answer is not in the queue again.
   */
  async function closePort(): Promise<void> {
    const until = performance.now() + QUEUE_MS;
    for (let before = -1; before !== accepted && performance.now() < until; ) {
      before = accepted;
      await setImmediate();
    }
    server.close();
  }

  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: async () => {
      isStopping = true;
      for (const response of open) announceClose(response);
      const noticed = performance.now() + NOTICE_MS;
      while (sockets.size > 0 && performance.now() < noticed) await sleep(LOOK_EVERY_MS);

      const closed = once(server, 'close');
      portCloses = closePort();
      await portCloses;
      const closeIdle = setInterval(() => {
        server.closeIdleConnections();
        // Node takes a connection that has not sent anything for one with a request on its way.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }, LOOK_EVERY_MS);
      const lastResort = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearInterval(closeIdle);
      clearTimeout(lastResort);
    },
  };
}

function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

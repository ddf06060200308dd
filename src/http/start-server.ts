import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';

/** Timeout from a request's first byte to the end of its headers, and for a connection that sends nothing. */
const HEADERS_WITHIN_MS = 10_000;
/** Timeout from a request's first byte to the end of its body, which has 1 MiB at most. */
const REQUEST_WITHIN_MS = 30_000;
/** How often the two timeouts are checked. */
const CHECK_EVERY_MS = 5_000;

/** At shutdown: how long answers announce the close before idle connections are closed. */
const NOTICE_MS = 500;
/** At shutdown: the maximum wait for an empty accept queue. */
const QUEUE_MS = 2_000;
/** At shutdown: how long running requests may take. */
const DRAIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** The host of requests without one, like the health checks of HAProxy: HTTP/1.0 needs none. A name of nobody. */
export const NO_HOST = 'host.invalid';

export type RunningServer = {
  port: number;
  /**
   * Shuts down without losing an answer: every answer now has `Connection: close` (RFC 9112, section 9.6), so that
   * clients disconnect; then the port is closed, and each connection once it is idle. Resolves when the last one is
   * closed, after ten seconds at most.
   * @param options.isReplaced whether another process keeps serving the port. Then this one gets no new connections,
   * and closes each of its own after its next answer, at the latest when it has been idle for `keepAliveSeconds`.
   */
  stop(options?: { isReplaced?: boolean }): Promise<void>;
};

/**
 * Serves HTTP/1.1. Resolves when it listens.
 * @param options.keepAliveSeconds how long an idle connection is kept: must be longer than in the load balancer, which
 * may otherwise send a request on a connection that is being closed.
 * @throws the system's error if it cannot listen.
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
  /** The open connections, each with its answers that are not sent yet: several, if requests are pipelined. */
  const sockets = new Map<Socket, Set<ServerResponse>>();
  let isStopping = false;
  let accepted = 0;
  /** Set while the port is closing: resolves when it is closed. */
  let portCloses: Promise<void> | null = null;

  server.on('connection', (socket: Socket) => {
    accepted++;
    const unsent = new Set<ServerResponse>();
    sockets.set(socket, unsent);
    socket.on('close', async () => {
      sockets.delete(socket);
      await setImmediate();
      // Node 20 tells only the first one. The others wait for their turn, without a socket.
      for (const response of unsent) response.destroy().emit('close');
    });
  });
  const listener = getRequestListener(fetch, { hostname: NO_HOST });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const unsent = sockets.get(request.socket);
    unsent?.add(response);
    response.on('close', () => unsent?.delete(response));
    if (isStopping) announceClose(response);
    if (portCloses === null) void listener(request, response);
    else void portCloses.then(() => listener(request, response));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();

  /**
   * Closing the port resets the connections in its accept queue, and the event loop accepts one at a time. So the port
   * is closed after a turn of the loop that accepted none. Requests that arrive meanwhile are answered afterwards, so
   * that their clients do not reconnect before the port is closed.
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
    stop: async ({ isReplaced = false } = {}) => {
      isStopping = true;
      for (const unsent of sockets.values()) for (const response of unsent) announceClose(response);
      const closed = once(server, 'close');
      // That of `node:http` would close the idle connections too, and fail a request that is on its way.
      if (isReplaced) Server.prototype.close.call(server);
      const noticed = performance.now() + (isReplaced ? keepAliveSeconds * 1000 : NOTICE_MS);
      while (sockets.size > 0 && performance.now() < noticed) await sleep(LOOK_EVERY_MS);

      portCloses = closePort();
      await portCloses;
      const closeIdle = setInterval(() => {
        server.closeIdleConnections();
        // Node treats a connection that has sent nothing as one with a request in progress.
        for (const socket of sockets.keys()) if (socket.bytesRead === 0) socket.destroy();
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

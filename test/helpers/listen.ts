import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Systems give outgoing connections ports above these (Linux from 32768, others from 49152). So a port from here is
 * still free when a test closes it and listens on it again.
 */
const [LOWEST_PORT, ABOVE_PORTS] = [20_000, 32_000];

/**
 * No port is given twice to a test file: not to two programs that are given one before they listen, and not to the
 * server of the next test, since `fetch` would send to it over a connection that the server before it has just closed.
 */
const given = new Set<number>();

/** Listens on a free port of this machine; returns the URL of an HTTP server there. */
export async function listen(server: Server): Promise<string> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, ABOVE_PORTS);
    if (given.has(port)) continue;
    given.add(port);
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return `http://127.0.0.1:${port}`;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
}

/** A port that was free a moment ago, for programs that must be given a port. */
export async function freePort(): Promise<string> {
  const server = createServer();
  const { port } = new URL(await listen(server));
  server.close();
  await once(server, 'close');
  return port;
}

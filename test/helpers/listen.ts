import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Systems give outgoing connections ports above these (Linux from 32768, others from 49152). So a port from here is
 * still free when a test closes it and listens on it again.
 */
const [LOWEST_PORT, ABOVE_PORTS] = [20_000, 32_000];

/** Listens on a free port of this machine; returns the URL of an HTTP server there. */
export async function listen(server: Server): Promise<string> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, ABOVE_PORTS);
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return `http://127.0.0.1:${port}`;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
}

/** Those that `freePort` has given: a program that needs two must not get the same one twice. */
const given = new Set<string>();

/** A port that was free a moment ago, for programs that must be given a port. */
export async function freePort(): Promise<string> {
  const server = createServer();
  const { port } = new URL(await listen(server));
  server.close();
  await once(server, 'close');
  if (given.has(port)) return freePort();
  given.add(port);
  return port;
}

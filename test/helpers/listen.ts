import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Listens on a free port of this machine; returns the URL of an HTTP server there. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** A port that was free a moment ago, for programs that must be given a port. */
export async function freePort(): Promise<string> {
  const server = createServer();
  const { port } = new URL(await listen(server));
  server.close();
  await once(server, 'close');
  return port;
}

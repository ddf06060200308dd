import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

/** A TCP relay in front of a real bucket or database, to simulate an outage and recovery. */
export async function startRelay(targetUrl: string) {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let silent = false;
  let sendable = Number.POSITIVE_INFINITY;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (from === client) {
          sendable -= bytes.length;
          silent ||= sendable < 0;
        }
        if (!silent) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const url = new URL(targetUrl);
  url.host = new URL(await listen(server)).host;

  return {
    url: url.href,
    /** Keeps connections open and accepts new ones, but passes no data: a network that drops packets. */
    setSilent: (value: boolean) => {
      silent = value;
      sendable = Number.POSITIVE_INFINITY;
    },
    isSilent: () => silent,
    /** Becomes silent as soon as the clients have sent this many bytes more. */
    silenceAfter: (bytes: number) => {
      sendable = bytes;
    },
    /** Closes every connection and refuses new ones. */
    goAway: async () => {
      if (!server.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
    comeBack: async () => {
      server.listen(Number(url.port), '127.0.0.1');
      await once(server, 'listening');
    },
  };
}

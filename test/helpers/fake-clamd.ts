import { createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

/** What a server received by INSTREAM: the stream, and whether its end came. */
export type Received = { bytes: Buffer; isWhole: boolean };

/**
 * A server that reads clamd's INSTREAM strictly and then does what `react` says: real daemons do not fail on demand.
 * @param react called with each part that arrives, and what arrived so far.
 */
export async function startFakeClamd(react: (socket: Socket, received: Received) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let raw = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (part) => {
      raw = Buffer.concat([raw, part]);
      react(socket, readStream(raw));
    });
  });
  const port = Number(new URL(await listen(server)).port);
  return {
    address: { host: '127.0.0.1', port },
    url: `clamd://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers once, when the whole stream is there. */
export function answering(text: string) {
  return (socket: Socket, { isWhole }: Received): void => {
    if (isWhole) socket.end(text);
  };
}

function readStream(raw: Buffer): Received {
  const command = 'zINSTREAM\0';
  if (raw.length < command.length) return { bytes: Buffer.alloc(0), isWhole: false };
  if (raw.subarray(0, command.length).toString() !== command) throw new Error('not INSTREAM');
  const chunks: Buffer[] = [];
  let at = command.length;
  while (raw.length >= at + 4) {
    const length = raw.readUInt32BE(at);
    if (length === 0) return { bytes: Buffer.concat(chunks), isWhole: true };
    chunks.push(raw.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { bytes: Buffer.concat(chunks), isWhole: false };
}

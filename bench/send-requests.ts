import { connect, type Socket } from 'node:net';

/** The number of busy connections, each with one request at a time. */
const CONNECTIONS = 32;

/** The requests' `Origin`, as from a browser. */
export const ORIGIN = 'https://app.example';

const HEAD_END = Buffer.from('\r\n\r\n');

export type Load = {
  port: number;
  /** The total number of requests. */
  count: number;
  /** The bytes of the request with this number, 0 to `count` - 1. */
  request: (index: number) => Buffer;
  /** The expected status of every answer. */
  status: number;
};

/**
 * Sends `count` requests over kept-alive connections to 127.0.0.1. Uses bare sockets, because an HTTP client would cost
 * more than the server it measures.
 * @returns the milliseconds until the last answer.
 * @throws {Error} for an answer with another status, with its text, and for a connection that ends early.
 */
export async function sendRequests({ port, count, request, status }: Load): Promise<number> {
  const sockets: Socket[] = [];
  let sent = 0;
  const keepBusy = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const sendNext = () => {
        if (sent === count) return resolve();
        socket.write(request(sent++));
      };
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the server closed the connection')));
      socket.on('data', (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const headEnd = received.indexOf(HEAD_END);
        if (headEnd === -1) return;
        const head = received.toString('latin1', 0, headEnd);
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
        if (received.length < headEnd + HEAD_END.length + length) return;
        if (!head.startsWith(`HTTP/1.1 ${status} `)) return reject(new Error(received.toString()));
        received = Buffer.alloc(0);
        sendNext();
      });
      sendNext();
    });

  const startedAt = performance.now();
  try {
    for (let i = 0; i < CONNECTIONS; i++) sockets.push(connect({ port, host: '127.0.0.1', noDelay: true }));
    await Promise.all(sockets.map(keepBusy));
    return performance.now() - startedAt;
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy();
  }
}

/** The bytes of a POST of JSON, as a browser sends it from a page of `ORIGIN`. */
export function postJson(path: string, token: string, body: unknown): Buffer {
  const json = JSON.stringify(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: ${ORIGIN}\r\nauthorization: Bearer ${token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  );
}

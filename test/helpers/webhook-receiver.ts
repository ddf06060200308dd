import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { listen } from './listen.ts';

/** A secret, as `WEBHOOK_SECRET` has it. */
export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export type Received = {
  id: string;
  /** Whether the package standardwebhooks accepts the signature with the receiver's secret. */
  isVerified: boolean;
  event: { type: string; timestamp: string; data: Record<string, unknown> };
  status: number;
};

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/**
 * A receiver of webhooks. `answer` answers a message itself, or returns the status; default: 204.
 * @param secret that the receiver knows.
 */
export async function startReceiver(secret = WEBHOOK_SECRET) {
  const received: Received[] = [];
  let running = 0;
  const receiver = {
    received,
    /** The most messages that were on their way at the same time. */
    mostAtOnce: 0,
    answer: async (_: Received, _response: ServerResponse): Promise<number | undefined> => 204,
    /** `type` and the file's name, in the order of their arrival. */
    seen: () => received.map(({ event }) => `${event.type} ${event.data.fileName}`),
    of: (fileId: string) => received.filter(({ event }) => event.data.fileId === fileId).map(({ event }) => event.type),
  };
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    receiver.mostAtOnce = Math.max(receiver.mostAtOnce, ++running);
    response.once('close', () => running--);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const message = { id: headers['webhook-id'] ?? '', isVerified: false, event: JSON.parse(body), status: 0 };
    try {
      new Webhook(secret).verify(body, headers);
      message.isVerified = true;
    } catch {
      // As it says.
    }
    received.push(message);
    const status = await receiver.answer(message, response);
    if (status === undefined) return;
    message.status = status;
    response.writeHead(status).end();
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const url = await listen(server);
  return Object.assign(receiver, {
    url: `${url}/hooks?key=secret`,
    env: { WEBHOOK_URL: `${url}/hooks?key=secret`, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: 'true' },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../src/storage/create-s3-client.ts';
import { believeOnlyTheBucket } from '../../src/storage/only-the-bucket.ts';
import type { RequestLimits } from '../../src/storage/request-limits.ts';
import type { ObjectRequest } from '../../src/storage/request-objects.ts';
import { listen } from '../helpers/listen.ts';
import { KEYS, openTestRequests } from './object-requests.ts';

/** What a server does with the request of this number, 1 or more. */
export type Reply = (socket: Socket, request: string, number: number) => void;

/** A server that answers with bytes as they are given, so also with what no HTTP library would send. */
export async function startRawBucket(reply: Reply) {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
        const request = received.slice(0, end);
        received = received.slice(end + 4);
        requests.push(request);
        reply(socket, request, requests.length);
      }
    });
  });
  const endpoint = await listen(server);
  return {
    endpoint,
    name: 'bucket',
    requests,
    connections: () => sockets.size,
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** How a request ended, and how often it was sent. */
export type Outcome = { status?: number | undefined; error?: string; requests: number };

/** The outcome of the same request by the service's own client and by the SDK's, each with a server of its own. */
export async function bothOutcomes(
  reply: Reply,
  operation: ObjectRequest['operation'],
  options: { now?: () => Date; limits?: RequestLimits } = {},
): Promise<{ own: Outcome; sdk: Outcome }> {
  const run = async (ask: (bucket: Awaited<ReturnType<typeof startRawBucket>>) => Promise<number | undefined>) => {
    const bucket = await startRawBucket(reply);
    try {
      return { status: await ask(bucket), requests: bucket.requests.length };
    } catch (error) {
      const { name } = error as Error;
      const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
      return { status: $metadata?.httpStatusCode, error: name, requests: bucket.requests.length };
    } finally {
      await bucket.stop();
    }
  };
  const own = await run(async (bucket) => {
    const { send, close } = await openTestRequests(bucket, options);
    try {
      const { status, body } = await send({ operation, key: 'key' });
      for await (const _ of body);
      return status;
    } finally {
      await close();
    }
  });
  const sdk = await run(async ({ endpoint, name }) => {
    const address = { name, region: 'us-east-1', endpoint, forcePathStyle: true, credentials: KEYS };
    const client = createS3Client(
      { ...address, useDualstackEndpoint: false, useAccelerateEndpoint: false },
      options.limits,
    );
    believeOnlyTheBucket(client);
    const input = { Bucket: name, Key: 'key' };
    try {
      if (operation === 'HeadObject') return (await client.send(new HeadObjectCommand(input))).$metadata.httpStatusCode;
      if (operation === 'DeleteObject')
        return (await client.send(new DeleteObjectCommand(input))).$metadata.httpStatusCode;
      const { Body, $metadata } = await client.send(new GetObjectCommand(input));
      await Body?.transformToByteArray();
      return $metadata.httpStatusCode;
    } finally {
      client.destroy();
    }
  });
  return { own, sdk };
}

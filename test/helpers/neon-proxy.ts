import { once } from 'node:events';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { neonConfig } from '@neondatabase/serverless';
import { createWebSocketStream, WebSocketServer } from 'ws';

/**
 * Neon's proxy for any PostgreSQL: TCP through a WebSocket. Points Neon's driver at it until `stop` (its configuration
 * is global, so for the whole test file).
 */
export async function startNeonProxy(): Promise<{ address: string; stop(): Promise<void> }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket, request) => {
    const address = new URL(request.url ?? '', 'ws://proxy').searchParams.get('address') ?? '';
    const { hostname, port } = new URL(`tcp://${address}`);
    const client = createWebSocketStream(socket);
    // Closing either end closes the other; the driver under test reports it.
    pipeline(client, connect(Number(port), hostname), client).catch(() => client.destroy());
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const at = `127.0.0.1:${address.port}`;
  neonConfig.wsProxy = (host, port) => `${at}/?address=${host}:${port}`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
  return {
    address: at,
    stop: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Gate = {
  /** `127.0.0.1:port`: what reaches the target while the gate is open. */
  host: string;
  /** Refuses new connections and cuts those that run, as a server that went away. */
  shut(): Promise<void>;
  /** Lets everything through again, on the same port. */
  open(): Promise<void>;
  /** Keeps connections but passes nothing on: a server that hangs. */
  freeze(): void;
  close(): Promise<void>;
};

/** A TCP door in front of a real bucket or database, to take it away and give it back. */
export async function startGate(target: { host: string; port: number }): Promise<Gate> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    if (!frozen) {
      client.pipe(upstream);
      upstream.pipe(client);
    }
  });
  let port = 0;
  const open = async () => {
    frozen = false;
    if (server.listening) return;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const shut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    cut();
    await closed;
  };
  await open();
  return {
    host: `127.0.0.1:${port}`,
    shut,
    open,
    freeze: () => {
      frozen = true;
      cut();
    },
    close: shut,
  };
}

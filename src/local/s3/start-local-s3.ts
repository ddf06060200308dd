import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { handleRequest, IDLE_MILLISECONDS, type S3Context } from './handle-request.ts';
import { endStaleUploads } from './lifecycle/end-stale-uploads.ts';
import { hasCode } from './store/durable-files.ts';
import { openStore } from './store/open-store.ts';

export type LocalS3Options = {
  /** Where the buckets are stored; created if missing. One server per directory. */
  directory: string;
  host: string;
  /** 0: a free port. */
  port: number;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  now?: () => Date;
  /** How long the headers of a request may take, and then the fields of a form before its file. Default 20,000. */
  headTimeoutMilliseconds?: number;
  /** Called for errors that are not the client's fault, such as a full disk; by default written to standard error. */
  onError?: (error: unknown) => void;
};

export type LocalS3 = {
  url: string;
  /** Stops listening, gives running requests 5 seconds to end, then cuts them off. */
  close(): Promise<void>;
};

const HOUR_MILLISECONDS = 3_600_000;
const CLOSE_GRACE_MILLISECONDS = 5_000;
const CLOSE_IDLE_MILLISECONDS = 50;

/**
 * Starts a strict subset of S3 on a directory: path-style addressing, Signature Version 4 only, one key pair. Anything
 * not implemented is answered with 501 NotImplemented. Rejects if the port is taken (EADDRINUSE) or the directory
 * cannot be written.
 */
export async function startLocalS3(options: LocalS3Options): Promise<LocalS3> {
  const { region, accessKeyId, secretAccessKey, headTimeoutMilliseconds = 20_000 } = options;
  const server = createServer({
    // 5 GiB may take any time while bytes arrive; the idle timeout ends stalled requests. Headers get a limit of their
    // own; without it, Node lets them take as long as the body.
    requestTimeout: 0,
    headersTimeout: headTimeoutMilliseconds,
    connectionsCheckingInterval: headTimeoutMilliseconds / 10,
    keepAliveTimeout: IDLE_MILLISECONDS,
  });
  server.timeout = IDLE_MILLISECONDS;
  // The port comes first: a second server that finds it taken must not sweep the first one's files.
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const opening = openStore(options.directory).then(
    (store): S3Context => ({
      store,
      keys: { region, accessKeyId, secretAccessKey },
      headTimeoutMilliseconds,
      now: options.now ?? (() => new Date()),
      onError: options.onError ?? console.error,
    }),
  );
  const housekeeping = setInterval(() => {
    opening
      .then((context) => endStaleUploads(context.store, context.now()).catch(context.onError))
      .catch(() => undefined);
  }, HOUR_MILLISECONDS);
  housekeeping.unref();
  const running = new Set<Promise<unknown>>();
  const handle = (incoming: IncomingMessage, response: ServerResponse, waits: boolean) => {
    const handled = opening.then(
      (context) => handleRequest(context, incoming, response, waits),
      () => response.destroy(),
    );
    running.add(handled);
    handled.finally(() => running.delete(handled));
  };
  server.on('request', (incoming, response) => handle(incoming, response, false));
  server.on('checkContinue', (incoming, response) => handle(incoming, response, true));
  server.on('clientError', refuseMalformed);
  server.on('connect', (_incoming, socket) => refuse(socket, '405 Method Not Allowed', 'MethodNotAllowed'));
  try {
    const { store, now } = await opening;
    await endStaleUploads(store, now());
  } catch (error) {
    clearInterval(housekeeping);
    server.close();
    throw error;
  }
  return {
    url: serverUrl(server),
    close: async () => {
      clearInterval(housekeeping);
      await closeServer(server);
      // A request whose connection is closed still removes its files.
      await Promise.all(running);
    },
  };
}

/** Handles requests that are not HTTP or end early. */
function refuseMalformed(error: Error, socket: Duplex): void {
  if (hasCode(error, 'HPE_HEADER_OVERFLOW')) {
    refuse(socket, '431 Request Header Fields Too Large', 'RequestHeaderSectionTooLarge');
  } else if (hasCode(error, 'HPE_INVALID_EOF_STATE')) {
    refuse(socket, '400 Bad Request', 'IncompleteBody');
  } else if (hasCode(error, 'ERR_HTTP_REQUEST_TIMEOUT')) {
    refuse(socket, '400 Bad Request', 'RequestTimeout');
  } else {
    refuse(socket, '400 Bad Request', 'BadRequest');
  }
}

function refuse(socket: Duplex, status: string, code: string): void {
  // Node does not watch a socket that was handed over for CONNECT for the client's disconnect.
  socket.on('error', () => socket.destroy());
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`;
  const headers = ['content-type: application/xml', `content-length: ${body.length}`, 'connection: close'];
  socket.end([`HTTP/1.1 ${status}`, ...headers, '', body].join('\r\n'), () => socket.destroy());
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection whose last request ends after `close` would stay open until the client closes it.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MILLISECONDS);
  const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MILLISECONDS);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}

function serverUrl(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  // Clients cannot connect to a wildcard address.
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createPinnedPost } from '../../src/webhooks/post-pinned.ts';
import { listen } from '../helpers/listen.ts';

const never = new AbortController().signal;
const servers: Server[] = [];

async function serve(handle: RequestListener): Promise<URL> {
  const server = createServer(handle);
  servers.push(server);
  return new URL(await listen(server));
}

/** A resolver that answers these, one after the other, and counts. */
function resolving(...answers: string[][]) {
  const asked: string[] = [];
  const resolve: Parameters<typeof createPinnedPost>[2] = (hostname, _, callback) => {
    const addresses = answers[asked.push(hostname) - 1] ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, resolve };
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
});

describe('createPinnedPost', () => {
  it('fails if the receiver switches protocols, and is neither an answer nor an error', async () => {
    const switching = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      );
    }).listen(0, '127.0.0.1');
    await once(switching, 'listening');
    const { port } = switching.address() as AddressInfo;
    const post = createPinnedPost(`http://127.0.0.1:${port}/`, true);
    await expect(post('{}', {}, never)).rejects.toThrow('did not answer');
    switching.close();
  });

  it('sends the body and the headers, and returns status and Retry-After', async () => {
    const seen: unknown[] = [];
    const { href } = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      seen.push(request.method, request.url, request.headers['webhook-id'], Buffer.concat(chunks).toString());
      response.writeHead(429, { 'retry-after': '7' }).end('no');
    });
    const post = createPinnedPost(`${href}hooks?key=1`, true);
    const answer = await post('Łódź', { 'webhook-id': 'x', 'content-length': '7' }, never);
    expect([answer, seen]).toEqual([{ status: 429, retryAfter: '7' }, ['POST', '/hooks?key=1', 'x', 'Łódź']]);
  });

  it('follows no redirect', async () => {
    let asked = 0;
    const { href } = await serve((_, response) => {
      asked++;
      response.writeHead(307, { location: href }).end();
    });
    expect(await createPinnedPost(href, true)('x', {}, never)).toMatchObject({ status: 307 });
    expect(asked).toBe(1);
  });

  it('reads little of an answer that does not end', async () => {
    let sentBytes = 0;
    const { href } = await serve((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
      };
      response.on('drain', more);
      more();
    });
    expect(await createPinnedPost(href, true)('x', {}, never)).toMatchObject({ status: 200 });
    // What fits into the buffers of both sockets.
    expect(sentBytes).toBeLessThan(50 * 1024 * 1024);
  });

  it('takes the status of an answer whose body breaks off or drips', async () => {
    const broken = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x', () => response.destroy());
    });
    expect(await createPinnedPost(broken.href, true)('x', {}, never)).toMatchObject({ status: 200 });
    const ending = new AbortController();
    const dripping = await serve((_, response) => {
      response.writeHead(200);
      response.flushHeaders();
    });
    // It has the headers.
    const abort = () => setImmediate(() => ending.abort());
    diagnostics.subscribe('http.client.response.finish', abort);
    expect((await createPinnedPost(dripping.href, true)('x', {}, ending.signal)).status).toBe(200);
    diagnostics.unsubscribe('http.client.response.finish', abort);
  });

  it('ends with the signal, also if nothing is ever answered', async () => {
    const ending = new AbortController();
    const { href } = await serve(() => ending.abort(new Error('time is up')));
    await expect(createPinnedPost(href, true)('x', {}, ending.signal)).rejects.toThrow();
  });

  it('fails if nobody listens', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    server.close();
    await once(server, 'close');
    await expect(createPinnedPost(url, true)('x', {}, never)).rejects.toThrow('ECONNREFUSED');
  });

  it.each(['127.0.0.1', '[::1]', '10.0.0.1', '169.254.169.254', '2130706433', '0x7f.1', '0', '[::ffff:7f00:1]'])(
    'does not call the address %s',
    async (host) => {
      await expect(createPinnedPost(`https://${host}/`, false)('x', {}, never)).rejects.toThrow('no public address');
    },
  );

  it('does not call a name that leads to private addresses', async () => {
    const { asked, resolve } = resolving(['127.0.0.1', '::1', 'fd00::1', '100.64.0.1']);
    await expect(createPinnedPost('https://hooks.example/', false, resolve)('x', {}, never)).rejects.toThrow(
      'hooks.example has no public address; WEBHOOK_ALLOW_PRIVATE=true allows private ones',
    );
    expect(asked).toEqual(['hooks.example']);
    await expect(createPinnedPost('https://localhost/', false)('x', {}, never)).rejects.toThrow('no public address');
  });

  it('resolves a name once, and connects to an address of that answer, not to one of a later answer', async () => {
    let calls = 0;
    const { port } = await serve((request, response) => {
      calls++;
      response.writeHead(request.headers.host === `hooks.example:${port}` ? 200 : 400).end();
    });
    // The second answer would be the rebinding: it must never be asked for.
    const { asked, resolve } = resolving(['127.0.0.1'], ['10.0.0.1']);
    const post = createPinnedPost(`http://hooks.example:${port}/`, true, resolve);
    expect(await post('x', {}, never)).toMatchObject({ status: 200 });
    expect([asked, calls]).toEqual([['hooks.example'], 1]);
  });

  it('leaves private addresses out of an answer that has both', async () => {
    let calls = 0;
    const { port } = await serve((_, response) => {
      calls++;
      response.end();
    });
    const { resolve } = resolving(['127.0.0.1', '2001:db8::1', '192.0.2.1']);
    await expect(
      createPinnedPost(`http://hooks.example:${port}/`, false, resolve)('x', {}, AbortSignal.timeout(5_000)),
    ).rejects.toThrow('no public address');
    expect(calls).toBe(0);
  });
});

import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { toNodeHandler } from '../../src/adapters/node.ts';
import { answerWhileStarting } from '../../src/http/answer-while-starting.ts';
import { type RunningServer, startServer } from '../../src/http/start-server.ts';

const start = (fetch: (request: Request) => Promise<Response>) =>
  startServer(fetch, { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 });

type Got = { status: number | undefined; connection: string | undefined; keepAlive: string | undefined };

/** One request over the agent's connection. */
const ask = (agent: Agent, { port }: RunningServer, path = '/'): Promise<Got> =>
  new Promise((resolve, reject) => {
    const asking = get({ host: '127.0.0.1', port, path, agent }, (response) => {
      const { connection, 'keep-alive': keepAlive } = response.headers;
      response.on('end', () => resolve({ status: response.statusCode, connection, keepAlive: keepAlive?.toString() }));
      response.on('error', reject);
      response.resume();
    });
    asking.on('error', reject);
  });

/** The status of the answer to a request line and headers as they stand, on a connection of their own. */
async function statusOf(port: number, lines: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${lines}\r\nConnection: close\r\n\r\n`);
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(await text(socket)) ?? [];
  return Number(status);
}

describe('startServer', () => {
  it('answers the health checks of load balancers that send no Host, as a host of nobody', async () => {
    const server = await start(
      async ({ url }) => new Response(null, { status: url === 'http://host.invalid/' ? 204 : 500 }),
    );
    expect(await statusOf(server.port, 'GET / HTTP/1.0')).toBe(204);
    await server.stop();
  });

  it('keeps idle connections longer than a load balancer does', async () => {
    const server = await start(async () => new Response('ok'));
    const agent = new Agent({ keepAlive: true });
    expect((await ask(agent, server)).keepAlive).toBe('timeout=65');
    agent.destroy();
    await server.stop();
  });

  it('ends all requests of a connection that closes, also those that are pipelined', async () => {
    let [arrived, ended] = [0, 0];
    const server = await start(async ({ signal }) => {
      arrived++;
      await once(signal, 'abort');
      ended++;
      return new Response('a'.repeat(100_000));
    });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    await expect.poll(() => arrived).toBe(3);
    socket.destroy();
    await expect.poll(() => ended).toBe(3);
    await server.stop();
  });

  it('stops without failing a request of clients that obey Connection: close and reconnect', async () => {
    const server = await start(async () => {
      await sleep(5);
      return new Response('ok');
    });
    const answers: Got[] = [];
    /** The result; a refused connection has lost no request. */
    const client = async (pauseMs: number): Promise<unknown> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        try {
          answers.push(await ask(agent, server));
          if (pauseMs > 0) await sleep(pauseMs);
        } catch (error) {
          return error instanceof Error && 'code' in error ? error.code : error;
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, (_, n) => client(Math.max(0, n - 10))));
    await expect.poll(() => answers.length).toBeGreaterThan(100);
    await server.stop();
    expect(new Set(await clients)).toEqual(new Set(['ECONNREFUSED']));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.filter(({ connection }) => connection === 'close').length).toBeGreaterThanOrEqual(20);
  });

  it('waits for running requests, with Connection: close in their answers, and closes idle connections', async () => {
    let finish: (() => void) | undefined;
    const server = await start(async ({ url }) => {
      if (url.endsWith('/slow')) await new Promise<void>((resolve) => (finish = resolve));
      return new Response('ok');
    });
    const idle = new Agent({ keepAlive: true });
    await ask(idle, server);
    const silent = connect(server.port, '127.0.0.1');
    const silentEnded = new Promise((resolve) => silent.on('close', resolve));
    const slow = ask(new Agent({ keepAlive: true }), server, '/slow');
    await expect.poll(() => finish).toBeDefined();

    const stopped = server.stop();
    await silentEnded;
    finish?.();
    expect(await slow).toMatchObject({ status: 200, connection: 'close' });
    await stopped;
  });
});

describe('toNodeHandler', () => {
  it.each([
    ['GET / HTTP/1.0', 200],
    ['GET / HTTP/1.1\r\nHost: a b', 400],
    ['GET /a\\b HTTP/1.1\r\nHost: a', 400],
    ['OPTIONS * HTTP/1.1\r\nHost: a', 400],
    ['TRACE / HTTP/1.1\r\nHost: a', 405],
  ])('answers a request that is no Request without an error in the log: %j', async (lines, status) => {
    const server = createServer(toNodeHandler({ fetch: async (request) => new Response(new Request(request).method) }));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    expect(await statusOf((server.address() as AddressInfo).port, lines)).toBe(status);
    server.close();
  });
});

describe('answerWhileStarting', () => {
  it('answers /healthz at once, and lets all other requests wait for the service', async () => {
    const { fetch, handOver } = answerWhileStarting();
    const ask = async (path: string) => {
      const answer = await fetch(new Request(`http://localhost${path}`), {} as never);
      return answer instanceof Response ? answer.text() : answer;
    };
    const waiting = ask('/readyz?full');
    expect(await ask('/healthz')).toBe('{"status":"ok"}');
    expect(await Promise.race([waiting, sleep(1, 'waits')])).toBe('waits');
    handOver(async ({ url }) => new Response(`the service's ${url}`));
    expect(await waiting).toBe("the service's http://localhost/readyz?full");
    expect(await ask('/healthz')).toBe("the service's http://localhost/healthz");
  });
});

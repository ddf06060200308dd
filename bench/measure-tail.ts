import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMALL, uploadSmall } from './measure-routes.ts';
import { ORIGIN, postJson, sendRequests } from './send-requests.ts';
import { startRoutesServer } from './start-routes-server.ts';

const CONNECTIONS = 64;
const SECONDS = 10;
/** Of the highest rate. */
const SHARE = 0.7;
const FILES = 1_100;
const PARTS = 10_000;

type Shot = { bytes: Buffer; status: number };

export type TailFigures = { name: string; perSecond: number; p50Ms: number; p99Ms: number; stallMs: number };

/**
 * Requests at 70 % of the highest rate, each sent at its time whether or not the ones before are answered; a request's
 * time begins when it should have been sent. First presigned uploads alone, then a mix: mostly presigned uploads,
 * downloads and repeated confirmations, some lists, and now and then a page of 1,000 files, a batch of 100 and a body
 * of 10,000 parts. Before them, Hono's echo in the same process, at 70 % of its own highest rate.
 */
export async function measureTail(directory: string): Promise<TailFigures[]> {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '1', String(process.pid)]);
  const server = await startRoutesServer(join(directory, 'tail'));
  const port = server.ports.app;
  try {
    const token = await server.mint('alice');
    const keys = await uploadSmall(port, token, FILES);
    const confirms = keys.map((objectKey) => postJson('/confirm-upload', token, { objectKey }));
    const request = (index: number) => confirms[index] ?? Buffer.alloc(0);
    await sendRequests({ port, count: keys.length, status: 201, request });
    const mix = mixOf(token, keys[0] ?? '');
    const echo = { status: 200, bytes: postJson('/', token, SMALL) };
    const figures: TailFigures[] = [];
    for (const [name, on, shots] of [
      ["Hono's echo", server.ports.echo, [echo]],
      ['presigned uploads', port, mix.slice(0, 1)],
      ['the mix', port, mix],
    ] as const) {
      const fastest = { seconds: SECONDS / 2, perSecond: Number.POSITIVE_INFINITY };
      await run(on, shots, fastest);
      const highest = (await run(on, shots, fastest)).perSecond;
      await server.stallMs();
      const { times, perSecond } = await run(on, shots, { seconds: SECONDS, perSecond: highest * SHARE });
      const stallMs = await server.stallMs();
      times.sort((a, b) => a - b);
      const at = (part: number) => times[Math.floor(times.length * part)] ?? Number.NaN;
      figures.push({ name, perSecond, p50Ms: at(0.5), p99Ms: at(0.99), stallMs });
    }
    return figures;
  } finally {
    await server.close();
  }
}

function open(port: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      return socket;
    }),
  );
}

function mixOf(token: string, objectKey: string): Shot[] {
  const post = (path: string, body: unknown, status = 200): Shot => ({
    status,
    bytes: postJson(path, token, body),
  });
  const get = (path: string): Shot => ({
    status: 200,
    bytes: Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: ${ORIGIN}\r\nauthorization: Bearer ${token}\r\n\r\n`,
    ),
  });
  const parts = Array.from({ length: PARTS }, (_, i) => ({ partNumber: i + 1, etag: `"${'0'.repeat(32)}"` }));
  const shots = [
    ...Array<Shot>(280).fill(post('/presign-upload', SMALL)),
    ...Array<Shot>(50).fill(post('/presign-download', { objectKey })),
    ...Array<Shot>(50).fill(post('/confirm-upload', { objectKey })),
    ...Array<Shot>(16).fill(get('/files?limit=50')),
    get('/files?limit=1000'),
    ...Array<Shot>(2).fill(post('/presign-upload/batch', { files: Array(100).fill(SMALL) })),
    post('/confirm-upload', { objectKey: 'nobody/x', uploadId: 'x', parts }, 403),
  ];
  // Spread evenly: 7 and 400 have no common factor.
  return shots.map((_, index) => shots[(index * 7) % shots.length] as Shot);
}

async function run(port: number, mix: readonly Shot[], rate: { seconds: number; perSecond: number }) {
  const sockets = await open(port);
  const times: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + rate.seconds * 1000;
  let sent = 0;
  const keepBusy = async (socket: Socket) => {
    for (;;) {
      const index = sent++;
      const dueAt = startedAt + (index / rate.perSecond) * 1000;
      const inMs = dueAt - performance.now();
      if (Math.max(dueAt, performance.now()) > endsAt) return;
      if (inMs > 0) await sleep(inMs);
      const shot = mix[index % mix.length] as Shot;
      // A timer may be early.
      const from = Number.isFinite(rate.perSecond) ? Math.min(dueAt, performance.now()) : performance.now();
      await ask(socket, shot);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(sockets.map(keepBusy));
  const perSecond = (times.length / (performance.now() - startedAt)) * 1000;
  for (const socket of sockets) socket.destroy();
  return { times, perSecond };
}

/** One request. @throws {Error} for an answer with another status. */
function ask(socket: Socket, { bytes, status }: Shot): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const head = received.toString('latin1', 0, headEnd);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
      if (received.length < headEnd + 4 + length) return;
      socket.off('data', onData).off('error', reject);
      if (head.startsWith(`HTTP/1.1 ${status} `)) resolve();
      else reject(new Error(received.toString()));
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(bytes);
  });
}

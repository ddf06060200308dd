import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { Check } from '../../src/doctor/check.ts';
import { checkScanner } from '../../src/doctor/check-scanner.ts';
import { checkSessions } from '../../src/doctor/check-sessions.ts';
import { checkWebhooks } from '../../src/doctor/check-webhooks.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { listen } from '../helpers/listen.ts';
import { WEBHOOK_SECRET } from '../helpers/webhook-receiver.ts';

const never = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A TCP server, and all that it received. */
async function serve(react: (socket: Socket, received: string) => void) {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received.push(bytes.toString('latin1'));
      react(socket, bytes.toString('latin1'));
    });
  });
  const { port } = new URL(await listen(server));
  closers.push(() => {
    server.close();
    return once(server, 'close');
  });
  return { port, received };
}

async function all(checks: AsyncIterable<Check>): Promise<Check[]> {
  const made: Check[] = [];
  for await (const check of checks) made.push(check);
  return made;
}

const clamd = (answers: Record<string, string>) =>
  serve((socket, received) => socket.end(answers[received.slice(0, -1)] ?? ''));
const CLAMD = { zPING: 'PONG\0', zVERSION: 'ClamAV 1.4.1/27500/Fri Nov 27\0' };
const withScanner = (port: string) => parseConfig({ HOLD_UPLOADS: 'true', SCAN: `clamd://127.0.0.1:${port}` });
const withReceiver = (url: string, allowPrivate = true) =>
  parseConfig({ WEBHOOK_URL: url, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: String(allowPrivate) });

describe("the doctor's checks of the scanner", () => {
  it('say which clamd answers', async () => {
    const { port } = await clamd(CLAMD);
    expect(await all(checkScanner(withScanner(port), never))).toMatchObject([
      { name: 'scanner: clamd', verdict: 'ok', detail: expect.stringMatching(/^ClamAV 1\.4\.1/) },
    ]);
    expect(await all(checkScanner(parseConfig({}), never))).toEqual([]);
  });

  it('fail for something else, and for nothing', async () => {
    const { port: other } = await clamd({ zPING: 'HTTP/1.1 400 Bad Request\0' });
    const [wrong] = await all(checkScanner(withScanner(other), never));
    expect(wrong).toMatchObject({ verdict: 'fail', detail: 'answers "HTTP/1.1 400 Bad Request" to PING' });
    for (const port of [(await clamd({ zPING: 'PO' })).port, '1']) {
      const [away] = await all(checkScanner(withScanner(port), never));
      expect(away).toMatchObject({ verdict: 'fail', unreachable: true, remedy: 'SCAN, or clamd: docs/scanning.md' });
    }
  });
});

describe("the doctor's checks of the receiver of webhooks", () => {
  it('connect to it, and send nothing', async () => {
    const { port, received } = await serve(() => {});
    const checks = await all(checkWebhooks(withReceiver(`http://localhost:${port}/hooks`), never));
    expect(checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['webhooks: address', 'ok'],
      ['webhooks: connection', 'ok'],
    ]);
    expect(received).toEqual([]);
    expect(await all(checkWebhooks(parseConfig({}), never))).toEqual([]);
  });

  it('fail for an address that no event is sent to', async () => {
    for (const host of ['localhost', '127.0.0.1', '[::ffff:10.0.0.1]']) {
      const [check, ...more] = await all(checkWebhooks(withReceiver(`https://${host}/`, false), never));
      expect(check).toMatchObject({ verdict: 'fail', remedy: 'WEBHOOK_URL; or WEBHOOK_ALLOW_PRIVATE=true' });
      expect(more).toEqual([]);
    }
  });

  it('fail without TLS, without a server, and without a name in the DNS', async () => {
    const { port } = await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    for (const url of [`https://localhost:${port}/`, 'https://localhost:1/', 'https://no-such-host.invalid/']) {
      const last = (await all(checkWebhooks(withReceiver(url), never))).at(-1);
      expect(last, url).toMatchObject({ verdict: 'fail', unreachable: true });
    }
  });
});

describe("the doctor's check of the role of temporary credentials", () => {
  const session = { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c', expiration: new Date() };
  const denied = Object.assign(new Error('AccessDenied'), { $fault: 'client', $metadata: { httpStatusCode: 403 } });

  it.each([
    ['is assumed, and confined', async () => session, { verdict: 'ok' }],
    ['is refused', async () => Promise.reject(denied), { verdict: 'fail', detail: '403 Error' }],
    [
      'has sessions that the store does not confine',
      async () => Promise.reject(new Error('TEMPORARY_CREDENTIALS_ROLE_ARN: this store does not apply them')),
      { verdict: 'fail', remedy: 'the role and its policies: docs/temporary-credentials.md' },
    ],
    ['cannot be asked for', async () => Promise.reject(new Error('ECONNREFUSED')), { unreachable: true }],
  ])('says whether it %s', async (_, open, expected) => {
    const [check, ...more] = await all(checkSessions({ roleSessions: { open } }));
    expect([check, more]).toMatchObject([{ name: 'temporary credentials: role', ...expected }, []]);
    expect(check?.unreachable).toBe('unreachable' in expected ? true : undefined);
  });
});

it('the doctor asks them all, also while bucket and database are away', async () => {
  const { port } = await clamd(CLAMD);
  const receiver = await serve(() => {});
  const config = parseConfig({
    S3_BUCKET_NAME: 'b',
    S3_ENDPOINT: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    DATABASE_URL: 'postgres://127.0.0.1:1/x',
    JWT_SECRET: 'x'.repeat(40),
    HOLD_UPLOADS: 'true',
    SCAN: `clamd://127.0.0.1:${port}`,
    WEBHOOK_URL: `http://127.0.0.1:${receiver.port}/`,
    WEBHOOK_SECRET,
    WEBHOOK_ALLOW_PRIVATE: 'true',
  });
  const checks = await runDoctor(config, { now: () => new Date(), signal: never, report: () => {} });
  const passed = checks.filter(({ verdict }) => verdict === 'ok').map(({ name }) => name);
  expect(passed).toEqual(expect.arrayContaining(['scanner: clamd', 'webhooks: address', 'webhooks: connection']));
});

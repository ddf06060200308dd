import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { isPublicAddress } from '../../src/net/public-address.ts';
import { readRetryAfter } from '../../src/webhooks/backoff.ts';
import { createPinnedPost } from '../../src/webhooks/post-pinned.ts';
import { createWebhookSigner } from '../../src/webhooks/sign-webhook.ts';
import { listen } from '../helpers/listen.ts';
import { WEBHOOK_SECRET } from '../helpers/webhook-receiver.ts';
import { NOTATIONS } from './ipv4-notations.ts';

const NO_TIME_LIMIT = new AbortController().signal;

/** What an operator, or who can change the DNS of the receiver, would like to reach from inside. */
const INSIDE: Record<string, readonly [number, number, number, number]> = {
  loopback: [127, 0, 0, 1],
  'another loopback': [127, 8, 9, 1],
  'this network': [0, 0, 0, 0],
  'a private network': [10, 1, 2, 3],
  'another private network': [172, 16, 0, 1],
  'a home network': [192, 168, 1, 1],
  'the credentials of a machine': [169, 254, 169, 254],
  'the credentials of a task': [169, 254, 170, 2],
  'the metadata of Alibaba': [100, 100, 100, 200],
  'the metadata of Oracle': [192, 0, 0, 192],
  'the host of Azure': [168, 63, 129, 16],
  multicast: [224, 0, 0, 1],
  everybody: [255, 255, 255, 255],
};

/** A resolver that gives these addresses for any name. */
const leadingTo =
  (addresses: readonly string[]): Parameters<typeof createPinnedPost>[2] =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

describe('an address that is not public', () => {
  it.each(Object.keys(NOTATIONS))('is not called, written as %s', async (notation) => {
    for (const [what, octets] of Object.entries(INSIDE)) {
      const url = `https://${NOTATIONS[notation]?.(octets)}/`;
      expect(URL.canParse(url), `${what}: ${url}`).toBe(true);
      const calling = createPinnedPost(url, false)('{}', {}, NO_TIME_LIMIT);
      await expect(calling, `${what}: ${url}`).rejects.toThrow('no public address');
    }
  });

  it('is not called in any notation, whatever it is', async () => {
    const first = fc.constantFrom(0, 10, 127, 224, 225, 239, 240, 255);
    const octet = fc.integer({ min: 0, max: 255 });
    const notation = fc.constantFrom(...Object.values(NOTATIONS));
    await fc.assert(
      fc.asyncProperty(first, octet, octet, octet, notation, async (a, b, c, d, write) => {
        const post = createPinnedPost(`https://${write([a, b, c, d])}/`, false);
        await expect(post('{}', {}, NO_TIME_LIMIT)).rejects.toThrow('no public address');
      }),
      { seed: 20261127, numRuns: 500 },
    );
  });

  it('is distinguished from a public one by the blocks of IANA', () => {
    // Written again, as numbers: first and last address of each block.
    const at = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const blocks = [
      '0.0.0.0-0.255.255.255',
      '10.0.0.0-10.255.255.255',
      '100.64.0.0-100.127.255.255',
      '127.0.0.0-127.255.255.255',
      '169.254.0.0-169.254.255.255',
      '172.16.0.0-172.31.255.255',
      '192.0.0.0-192.0.0.255',
      '192.0.2.0-192.0.2.255',
      '192.88.99.0-192.88.99.255',
      '192.168.0.0-192.168.255.255',
      '198.18.0.0-198.19.255.255',
      '198.51.100.0-198.51.100.255',
      '203.0.113.0-203.0.113.255',
      '224.0.0.0-255.255.255.255',
      '168.63.129.16-168.63.129.16',
    ].map((block) => block.split('-').map(at) as [number, number]);
    const edges = blocks.flatMap(([first, last]) => [first - 1, first, last, last + 1]);
    const address = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(...edges));
    fc.assert(
      fc.property(address, (value) => {
        fc.pre(value >= 0 && value < 2 ** 32);
        const text = [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join('.');
        expect(isPublicAddress(text), text).toBe(!blocks.some(([first, last]) => value >= first && value <= last));
        expect(isPublicAddress(`::ffff:${text}`)).toBe(false);
      }),
      { seed: 20261127, numRuns: 2000 },
    );
  });

  const NO_ADDRESSES = [[], [''], ['localhost'], ['169.254.169.254'], ['::1', '127.0.0.1'], ['::ffff:10.0.0.1']];
  it.each([...NO_ADDRESSES, ['fe80::1%lo'], ['2130706433'], ['0x7f000001'], ['fd00:ec2::254'], ['64:ff9b::a00:1']])(
    'is not called if a name leads to %j',
    async (...addresses: string[]) => {
      const post = createPinnedPost('https://hooks.example/', false, leadingTo(addresses));
      await expect(post('{}', {}, NO_TIME_LIMIT)).rejects.toThrow('no public address');
    },
  );

  it('is left out of an answer that has a public one as well', async () => {
    let calls = 0;
    const server = createServer((_, response) => response.end(String(calls++)));
    const { port } = new URL(await listen(server));
    // No machine has an address in 2f00::/8: it is not allocated.
    const answers = [
      ['127.0.0.1', '2f00::1'],
      ['2f00::1', '127.0.0.1'],
      ['127.0.0.1', '2f00::1', '::1', '2f00::2'],
    ];
    const posts = answers.map((addresses) =>
      createPinnedPost(`http://hooks.example:${port}/`, false, leadingTo(addresses)),
    );
    const calling = posts.map((post) => post('{}', {}, AbortSignal.timeout(500)));
    for (const { status } of await Promise.allSettled(calling)) expect(status).toBe('rejected');
    expect(calls).toBe(0);
    server.close();
  });
});

describe('WEBHOOK_URL', () => {
  it.each([
    'http://hooks.example/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:25/_HELO',
    'javascript:alert(1)',
    'data:text/plain,x',
    'ftp://hooks.example/',
    'ws://hooks.example/',
    'https://',
    'https:///',
    '//hooks.example/',
    '/hooks',
    'hooks.example',
    'https://user@hooks.example/',
    'https://:password@hooks.example/',
    'https://hooks.example/#fragment',
    'https://hooks example/',
    'https://[::1/',
    'https://256.256.256.256/',
    'https://0x100000000/',
    'https://hooks.example:65536/',
    'https://hooks.example:-1/',
  ])('is refused at start: %s', (url) => {
    expect(() => parseConfig({ WEBHOOK_URL: url, WEBHOOK_SECRET })).toThrow('WEBHOOK_URL');
  });
});

describe('a hostile receiver', () => {
  let inside: Server;
  let insideUrl: string;
  let reached = 0;
  beforeAll(async () => {
    inside = createServer((_, response) => response.end(String(reached++)));
    insideUrl = await listen(inside);
  });
  afterAll(() => inside.close());

  const BODY = '{"type":"file.confirmed"}';
  const headersWith = (lines: string, status = '200 OK') => `HTTP/1.1 ${status}\r\n${lines}\r\n\r\n`;
  /** What it answers with, and the status that is believed; null: none. */
  const ANSWERS: Record<string, readonly [() => string | Buffer, number | null]> = {
    'redirects (301)': [() => headersWith(`location: ${insideUrl}\r\ncontent-length: 0`, '301 Moved'), 301],
    'redirects (302)': [() => headersWith(`location: ${insideUrl}\r\ncontent-length: 0`, '302 Found'), 302],
    'redirects (303)': [() => headersWith(`location: ${insideUrl}\r\ncontent-length: 0`, '303 See Other'), 303],
    'redirects (307)': [() => headersWith(`location: ${insideUrl}\r\ncontent-length: 0`, '307 Again'), 307],
    'redirects (308)': [() => headersWith(`location: ${insideUrl}\r\ncontent-length: 0`, '308 Again'), 308],
    'redirects with 200': [() => headersWith(`location: ${insideUrl}\r\nrefresh: 0;url=${insideUrl}`), 200],
    'names an alternative service': [() => headersWith(`alt-svc: h2="${new URL(insideUrl).host}"`), 200],
    'gives early hints': [() => `HTTP/1.1 103 Hints\r\nlink: <${insideUrl}>\r\n\r\n${headersWith('a: b')}`, 200],
    'asks for a password': [() => headersWith('www-authenticate: Basic', '401 Who'), 401],
    'switches protocols': [() => headersWith('connection: upgrade\r\nupgrade: h2c', '101 Switching'), null],
    'sends nothing': [() => '', null],
    'sends noise': [() => Buffer.from('00ff10803a0d0a0d0a', 'hex'), null],
    'sends another protocol': [() => 'SSH-2.0-OpenSSH_9.2\r\n', null],
    'sends HTTP/0.9': [() => '<html>200 OK</html>', null],
    'has a status of four digits': [() => headersWith('a: b', '2000 OK'), null],
    'has a status that is a word': [() => headersWith('a: b', 'OK'), null],
    'has two lengths': [() => headersWith('content-length: 1\r\ncontent-length: 2'), null],
    'has a length and chunks': [() => headersWith('content-length: 1\r\ntransfer-encoding: chunked'), null],
    'has a length below zero': [() => headersWith('content-length: -1'), null],
    'has headers of 1 MB': [() => headersWith(`a: ${'b'.repeat(1e6)}`), null],
    'ends in its headers': [() => 'HTTP/1.1 200 OK\r\nconte', null],
    'answers twice': [() => `${headersWith('content-length: 0')}${headersWith('content-length: 0', '410 Gone')}`, 200],
  };

  it.each(Object.keys(ANSWERS))('that %s reaches nothing more, and is believed only its status', async (name) => {
    const [answer, status] = ANSWERS[name] ?? [() => '', null];
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer()));
    });
    const post = createPinnedPost(await listen(server), true);
    const got = await post(BODY, {}, NO_TIME_LIMIT).then(
      ({ status }) => status,
      (error: unknown) => {
        expect(error).toBeInstanceOf(Error);
        return null;
      },
    );
    expect([got, reached]).toEqual([status, 0]);
    server.close();
    await once(server, 'close');
  });

  it('delays the next attempt by at most a day', () => {
    const now = new Date('2026-11-27T12:00:00Z');
    const odd = ['-1', '1e9', 'Infinity', '9'.repeat(400), '0x10', '1, 2', '', ' ', 'NaN', '+5', '5.5', '٣'];
    const dates = ['Fri, 31 Dec 9999 23:59:59 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', '+275760-09-13T00:00:00Z'];
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const seconds = readRetryAfter(value, now);
        expect(seconds >= 0 && seconds <= 86_400, `${value}: ${seconds}`).toBe(true);
      }),
      { seed: 20261127, numRuns: 200, examples: [...odd, ...dates].map((value): [string] => [value]) },
    );
  });
});

describe('the signature of an event', () => {
  const ID = '0f1c6a0e-7c2b-4c55-9a5e-3a0f4c1f8f0d';
  const BODY = '{"type":"file.confirmed","timestamp":"2026-11-27T10:00:00.000Z","data":{"size":5}}';
  const signed = createWebhookSigner([WEBHOOK_SECRET])(ID, Date.now(), BODY);
  const seconds = Number(signed['webhook-timestamp']);
  const FORGED: Record<string, { headers?: Record<string, string>; body?: string }> = {
    'another id': { headers: { 'webhook-id': ID.replace('0', '1') } },
    'no id': { headers: { 'webhook-id': '' } },
    'a later time': { headers: { 'webhook-timestamp': String(seconds + 1) } },
    'the time moved into the body': { headers: { 'webhook-timestamp': `${seconds}.` }, body: BODY.slice(1) },
    'the id moved into the time': { headers: { 'webhook-id': `${ID}.${seconds}` } },
    'a time that is no number': { headers: { 'webhook-timestamp': 'now' } },
    'another size': { body: BODY.replace('5}', '6}') },
    'a space more': { body: `${BODY} ` },
    'no body': { body: '' },
    'no signature': { headers: { 'webhook-signature': '' } },
    'a signature of zeros': { headers: { 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` } },
    'a version that does not exist': {
      headers: { 'webhook-signature': `v2,${signed['webhook-signature']?.slice(3)}` },
    },
    'an asymmetric version': { headers: { 'webhook-signature': `v1a,${signed['webhook-signature']?.slice(3)}` } },
    "another secret's signature": {
      headers: createWebhookSigner([`whsec_${Buffer.alloc(32, 8).toString('base64')}`])(ID, Date.now(), BODY),
    },
    'its attempt of ten minutes ago': { headers: createWebhookSigner([WEBHOOK_SECRET])(ID, Date.now() - 6e5, BODY) },
    'its attempt of tomorrow': { headers: createWebhookSigner([WEBHOOK_SECRET])(ID, Date.now() + 864e5, BODY) },
  };
  const verify = ({ headers = {}, body = BODY }) => new Webhook(WEBHOOK_SECRET).verify(body, { ...signed, ...headers });

  it('is accepted as it is', () => expect(verify({})).toMatchObject({ type: 'file.confirmed' }));

  it.each(Object.keys(FORGED))('is not accepted with %s', (name) => {
    expect(() => verify(FORGED[name] ?? {})).toThrow();
  });
});

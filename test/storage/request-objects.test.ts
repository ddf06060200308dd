import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { ObjectRequest } from '../../src/storage/request-objects.ts';
import { metadataOf } from '../../src/storage/stored-object.ts';
import { openTestRequests } from './object-requests.ts';
import { bothOutcomes, type Reply, startRawBucket } from './raw-bucket.ts';

const OPERATIONS = ['HeadObject', 'GetObject', 'DeleteObject'] as const;
const MARK = 'x-amz-request-id: 4442587FB7D0A2F9';

/** An answer's bytes; to a HEAD without its body. */
const answer = (statusLine: string, headers: string[], body = ''): Reply => {
  const length = headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))
    ? []
    : [`content-length: ${body.length}`];
  const head = [`HTTP/1.1 ${statusLine}`, ...headers, ...length, '', ''].join('\r\n');
  return (socket, request) => socket.write(head + (request.startsWith('HEAD') ? '' : body));
};
const xml = (status: string, code: string, headers: string[] = []) =>
  answer(
    status,
    [MARK, 'content-type: application/xml', ...headers],
    `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>a &amp; b</Message></Error>`,
  );
const OBJECT = answer('200 OK', [MARK, 'etag: "f"', 'content-type: text/plain'], 'hello');
/** The first reply, then the second to each later request. */
const then =
  (first: Reply, next: Reply): Reply =>
  (socket, request, number) =>
    (number === 1 ? first : next)(socket, request, number);
const cut: Reply = (socket) => socket.destroy();

const REPLIES: [string, Reply][] = [
  ['an object', OBJECT],
  ['NoSuchKey', xml('404 Not Found', 'NoSuchKey')],
  ['NoSuchBucket', xml('404 Not Found', 'NoSuchBucket')],
  ['a 404 without XML', answer('404 Not Found', [MARK])],
  ['AccessDenied', xml('403 Forbidden', 'AccessDenied')],
  ['a condition that failed', xml('412 Precondition Failed', 'PreconditionFailed')],
  ['a bucket in another region', xml('301 Moved Permanently', 'PermanentRedirect', ['x-amz-bucket-region: eu-west-1'])],
  ['a temporary redirect', xml('307 Temporary Redirect', 'TemporaryRedirect', ['location: http://127.0.0.1:9/a'])],
  ['a wrong region', xml('400 Bad Request', 'AuthorizationHeaderMalformed')],
  ['expired credentials', xml('400 Bad Request', 'ExpiredToken')],
  ['an unsupported request', xml('501 Not Implemented', 'NotImplemented')],
  ['a delete marker', xml('405 Method Not Allowed', 'MethodNotAllowed', ['x-amz-delete-marker: true'])],
  ['not modified', answer('304 Not Modified', [MARK, 'etag: "f"'])],
  ['SlowDown, always', xml('503 Slow Down', 'SlowDown')],
  ['SlowDown, once', then(xml('503 Slow Down', 'SlowDown'), OBJECT)],
  ['SlowDown with another status', then(xml('400 Bad Request', 'SlowDown'), OBJECT)],
  ['too many requests', then(answer('429 Too Many Requests', [MARK]), OBJECT)],
  ['InternalError, once', then(xml('500 Internal Server Error', 'InternalError'), OBJECT)],
  ['a bad gateway', then(answer('502 Bad Gateway', ['content-type: text/html'], '<html>'), OBJECT)],
  ['a request that came too slowly', then(xml('400 Bad Request', 'RequestTimeout'), OBJECT)],
  ['a connection that ends, once', then(cut, OBJECT)],
  ['a connection that ends, always', cut],
  ['a page', answer('200 OK', ['content-type: text/html'], '<html>')],
  ['a page with 404', answer('404 Not Found', ['content-type: text/html'], '<html>')],
  ['a compressed body', answer('200 OK', [MARK, 'etag: "f"', 'content-encoding: gzip'], 'not gzip')],
  ['chunks', answer('200 OK', [MARK, 'etag: "f"', 'transfer-encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n')],
];

it.each(REPLIES)('%s means the same to each request as to the AWS SDK', async (_, reply) => {
  await Promise.all(
    OPERATIONS.map(async (operation) => {
      const { own, sdk } = await bothOutcomes(reply, operation);
      const isOfNetwork = sdk.status === undefined && sdk.error !== 'UnmarkedAnswer';
      expect(own, operation).toEqual(isOfNetwork ? { ...sdk, error: expect.any(String) } : sdk);
    }),
  );
});

it('DELETE with a 200 that contains an error means the same as to the AWS SDK', async () => {
  const { own, sdk } = await bothOutcomes(xml('200 OK', 'InternalError'), 'DeleteObject');
  expect(own).toEqual(sdk);
  expect(own.error).toBe('InternalError');
});

describe('a clock that is wrong', () => {
  const skewed = (date: string, more: string[] = []) =>
    xml('403 Forbidden', 'RequestTimeTooSkewed', [`date: ${date}`, ...more]);
  const BUCKETS_TIME = new Date('2026-11-27T12:00:00Z');
  const hoursOff = (hours: number) => () => new Date(BUCKETS_TIME.getTime() + hours * 3_600_000);
  const dateOf = (request = '') => /x-amz-date: (\S+)/i.exec(request)?.[1];

  it.each(OPERATIONS)('is corrected by the bucket’s, and %s is sent again', async (operation) => {
    const bucket = await startRawBucket(then(skewed(BUCKETS_TIME.toUTCString()), OBJECT));
    const { send, close } = await openTestRequests(bucket, { now: hoursOff(-5) });
    const { body } = await send({ operation, key: 'key' });
    body.resume();
    await (await send({ operation: 'HeadObject', key: 'key' })).body.resume();
    expect(bucket.requests.map(dateOf)).toEqual(['20261127T070000Z', '20261127T120000Z', '20261127T120000Z']);
    await close();
    await bucket.stop();
  });

  it.each([
    ['is right', BUCKETS_TIME.toUTCString(), 0, []],
    ['differs by two minutes', BUCKETS_TIME.toUTCString(), 1 / 30, []],
    ['is contradicted by a cached answer only', BUCKETS_TIME.toUTCString(), -5, ['age: 18000']],
    ['is contradicted by nonsense', 'noon', -5, []],
  ])('stays if it %s', async (_, date, hours, more) => {
    const bucket = await startRawBucket(skewed(date, more));
    const { send, close } = await openTestRequests(bucket, { now: hoursOff(hours) });
    await expect(send({ operation: 'HeadObject', key: 'key' })).rejects.toMatchObject({ name: 'Unknown' });
    expect(bucket.requests).toHaveLength(1);
    await close();
    await bucket.stop();
  });
});

it('reads headers of bytes above ASCII as Node does: byte by byte', async () => {
  const value = Buffer.from('Größe').toString('latin1');
  const bucket = await startRawBucket((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${MARK}\r\nx-amz-meta-a: ${value}\r\ncontent-length: 0\r\n\r\n`, 'latin1'),
  );
  const { send, close } = await openTestRequests(bucket);
  const { headers } = await send({ operation: 'HeadObject', key: 'key' });
  expect(metadataOf(headers)).toEqual({ a: value });
  await close();
  await bucket.stop();
});

it('keeps connections, also after a HEAD', async () => {
  const bucket = await startRawBucket(OBJECT);
  const { send, close } = await openTestRequests(bucket);
  for (let i = 0; i < 20; i++) {
    const operation: ObjectRequest['operation'] = OPERATIONS[i % 3] ?? 'HeadObject';
    const { body } = await send({ operation, key: 'key' });
    if (operation === 'GetObject') expect(await text(body)).toBe('hello');
  }
  // A connection is free shortly after its answer has ended.
  expect(bucket.connections()).toBeLessThanOrEqual(2);
  await close();
  await bucket.stop();
});

it('a 100 Continue that nobody asked for is an error of the network, and the request is repeated', async () => {
  const unasked: Reply = (socket, ...of) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    OBJECT(socket, ...of);
  };
  const { own, sdk } = await bothOutcomes(then(unasked, OBJECT), 'HeadObject');
  expect(own).toEqual({ status: 200, requests: 2 });
  expect(sdk).toEqual({ status: 200, requests: 1 });
});

it('gives up retrying when most requests fail', async () => {
  const bucket = await startRawBucket(cut);
  const { send, close } = await openTestRequests(bucket);
  const all = Array.from({ length: 150 }, () => send({ operation: 'HeadObject', key: 'key' }).catch(() => {}));
  await Promise.all(all);
  expect(bucket.requests).toHaveLength(150 + 100);
  await close();
  await bucket.stop();
});

describe('an answer that does not come', () => {
  const limits = { answerWithinMs: 1_000 };
  const OK = `HTTP/1.1 200 OK\r\n${MARK}\r\netag: "f"\r\ncontent-length: 5\r\n\r\n`;

  it('is an error after the time limit, twice', async () => {
    const { own, sdk } = await bothOutcomes(() => {}, 'HeadObject', { limits });
    expect(own).toEqual({ status: undefined, error: 'HeadersTimeoutError', requests: 2 });
    expect(sdk).toMatchObject({ error: 'TimeoutError', requests: 2 });
  });

  it('of a body is an error, too, also if it comes byte by byte and never ends', async () => {
    const stalled = await bothOutcomes((socket) => socket.write(`${OK}he`), 'GetObject', { limits });
    expect(stalled.own).toMatchObject({ error: 'BodyTimeoutError', requests: 1 });
    const dripping: Reply = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${MARK}\r\netag: "f"\r\ntransfer-encoding: chunked\r\n\r\n`);
      const drip = setInterval(() => socket.write('1\r\na\r\n'), 50);
      socket.on('close', () => clearInterval(drip));
    };
    const bucket = await startRawBucket(dripping);
    const { send, close } = await openTestRequests(bucket, { limits: { answerWithinMs: 500 } });
    const { body } = await send({ operation: 'GetObject', key: 'key' });
    await expect(text(body)).rejects.toThrow('not complete within 1000 ms');
    await close();
    await bucket.stop();
  });
});

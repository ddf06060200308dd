import { connect } from 'node:net';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalS3 } from '../../../src/local/s3/start-local-s3.ts';
import { type Fixture, KEYS, outcome, startFixture } from './s3-fixture.ts';

let s3: Fixture;
const errors: unknown[] = [];
beforeAll(async () => {
  s3 = await startFixture({ onError: (error) => errors.push(error) });
});
afterAll(() => s3.stop());

/**
 * Sends raw bytes. Resolves with everything received until the server closes the connection, or until it matches
 * `enough`.
 */
function sendBytes(bytes: string, url = s3.server.url, enough = /^(?!)/): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (enough.test(Buffer.concat(chunks).toString('latin1'))) socket.destroy();
    });
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.on('error', reject);
  });
}

describe('odd requests get a clean 4xx', () => {
  const HEAD = 'HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['an absolute target', `GET http://other/bucket/k ${HEAD}\r\n`, 400],
    ['an asterisk', `OPTIONS * ${HEAD}\r\n`, 400],
    ['malformed percent-encoding', `GET /bucket/%zz ${HEAD}\r\n`, 400],
    ['a path that is not UTF-8', `GET /bucket/%ff ${HEAD}\r\n`, 400],
    ['bytes over ASCII in the path', `GET /bucket/\xe9 ${HEAD}\r\n`, 400],
    ['a method S3 does not have', `PATCH /bucket/k ${HEAD}\r\n`, 403],
    ['a tunnel', `CONNECT a:443 ${HEAD}\r\n`, 405],
    ['no host', 'GET /bucket/k HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two lengths', `PUT /bucket/k ${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
    ['a malformed length', `PUT /bucket/k ${HEAD}Content-Length: -1\r\n\r\n`, 400],
    ['a header section of 20 KiB', `GET /bucket/k ${HEAD}X-A: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['an upgrade', `GET /bucket/k HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n`, 403],
    ['another expectation', `PUT /bucket/k ${HEAD}Expect: miracles\r\n\r\n`, 417],
    ['an empty bucket name', `GET //k ${HEAD}\r\n`, 403],
    ['a path out of the bucket', `GET /../../etc/passwd ${HEAD}\r\n`, 403],
    ['a name from Object.prototype', `GET /__proto__/constructor?__proto__=1 ${HEAD}\r\n`, 403],
  ])('%s', async (_name, bytes, status) => {
    expect(await sendBytes(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(errors).toEqual([]);
  });

  it('every unsigned request is refused with AccessDenied', async () => {
    for (const path of ['/', `/${s3.bucket}`, `/${s3.bucket}/k`, '/..%2f..', `/${s3.bucket}?policy`]) {
      expect(outcome(await s3.raw({ method: 'GET', path }))).toBe('403 AccessDenied');
    }
  });
});

describe('connections', () => {
  it('carry several requests, pipelined', async () => {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'pipelined', Body: 'hello' }));
    const get = await s3.presign(new GetObjectCommand({ Bucket: s3.bucket, Key: 'pipelined' }));
    const { host } = new URL(s3.server.url);
    const answers = await sendBytes(
      `GET ${get} HTTP/1.1\r\nHost: ${host}\r\n\r\n` +
        `PUT /refused/k HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\n\r\nabc` +
        `GET ${get} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(answers.match(/HTTP\/1.1 [0-9]+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200']);
  });
});

describe('starting and closing', () => {
  it('rejects if the port is taken, and does not disturb the other server', async () => {
    const port = Number(new URL(s3.server.url).port);
    const options = { ...KEYS, directory: s3.directory, host: '127.0.0.1', port };
    await expect(startLocalS3(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await s3.raw({ method: 'GET', path: '/' })).status).toBe(403);
  });

  it('rejects if the directory cannot be created', async () => {
    const options = { ...KEYS, directory: '/dev/null/data', host: '127.0.0.1', port: 0 };
    await expect(startLocalS3(options)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('finishes a running upload, and accepts no new connection', async () => {
    const other = await startFixture();
    const path = await other.presign(new PutObjectCommand({ Bucket: other.bucket, Key: 'last' }));
    const { host, port } = new URL(other.server.url);
    const socket = connect(Number(port), '127.0.0.1');
    const head = `PUT ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;
    socket.write(head);
    await new Promise((resolve) => socket.once('data', resolve));
    const closed = other.server.close();
    await expect(other.raw({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const answered = new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write('hello');
    expect(await answered).toMatch(/^HTTP\/1.1 200 /);
    await closed;
    const again = await startFixture({ directory: other.directory });
    const get = await again.presign(new GetObjectCommand({ Bucket: other.bucket, Key: 'last' }));
    expect((await again.raw({ method: 'GET', path: get })).body.toString()).toBe('hello');
    await again.stop();
    other.client.destroy();
  });
});

describe('a slow client that is not authenticated yet', () => {
  let shortTimeout: Fixture;
  beforeAll(async () => {
    shortTimeout = await startFixture({ headTimeoutMilliseconds: 200 });
  });
  afterAll(() => shortTimeout.stop());

  it('is cut off while it sends headers', async () => {
    const answer = await sendBytes('GET /bucket/k HTTP/1.1\r\nHost: a\r\nX-Slow: ', shortTimeout.server.url);
    expect(answer).toMatch(/^HTTP\/1.1 400 .*<Code>RequestTimeout</s);
  });

  it('is refused while it sends the fields of a form', async () => {
    const head = `POST /${shortTimeout.bucket} HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n`;
    const field = '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n';
    const form = `${head}Content-Type: multipart/form-data; boundary=b\r\n\r\n${field}`;
    const answer = await sendBytes(form, shortTimeout.server.url, /<\/Error>/);
    expect(answer).toMatch(/^HTTP\/1.1 400 .*<Code>RequestTimeout</s);
  });
});

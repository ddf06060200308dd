import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchFromDisk } from '../../scripts/fetch-from-disk.ts';

const MIB = 1024 ** 2;

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function listen(answer: Parameters<typeof createServer>[1]): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/key?X-Amz-Signature=1`;
}

/** A blob of this size whose stream fails at the end of its first piece. */
function failing(size: number): Blob {
  const pieces = async function* () {
    yield new Uint8Array(MIB);
    throw new Error('the file has changed');
  };
  return Object.defineProperties(new Blob(), { size: { value: size }, stream: { value: pieces } });
}

describe('fetchFromDisk', () => {
  it('sends a blob with its length and headers, and returns status, headers and text', async () => {
    const url = await listen(async (request, response) => {
      const body = await text(request);
      response.writeHead(412, { etag: '"e"', 'x-asked': `${request.method} ${request.headers['content-type']}` });
      response.end(`${request.headers['content-length']} ${body} ${request.url}`);
    });
    const headers = { 'content-type': 'text/plain' };
    const answer = await fetchFromDisk(url, { method: 'PUT', headers, body: new Blob(['bytes']) });
    expect([answer.status, answer.headers.get('etag'), answer.headers.get('x-asked')]).toEqual([
      412,
      '"e"',
      'PUT text/plain',
    ]);
    expect(await answer.text()).toBe('5 bytes /key?X-Amz-Signature=1');
  });

  it.each([205, 600, 999])('rejects an answer that cannot be a Response: %d', async (status) => {
    const url = await listen((request, response) => {
      request.resume();
      response.writeHead(status).end('text');
    });
    await expect(fetchFromDisk(url, { method: 'PUT', body: new Blob(['bytes']) })).rejects.toThrow(/status/);
  });

  it.each([301, 302, 307, 308])('follows a redirect, as fetch does: %d', async (status) => {
    const url = await listen(async (request, response) => {
      const body = await text(request);
      const isMoved = request.url === '/moved';
      response.writeHead(isMoved ? 200 : status, { location: '/moved' });
      response.end(`${request.method} ${request.headers['x-amz-meta-a']} ${body}`);
    });
    const headers = { 'x-amz-meta-a': 'b' };
    const answer = await fetchFromDisk(url, { method: 'PUT', headers, body: new Blob(['bytes']) });
    expect([answer.status, await answer.text()]).toEqual([200, 'PUT b bytes']);
  });

  it('returns a refusal that comes before all is sent', async () => {
    const url = await listen((request, response) => {
      response.writeHead(403).end('<Code>AccessDenied</Code>');
      request.resume();
    });
    const answer = await fetchFromDisk(url, { method: 'PUT', body: new Blob([new Uint8Array(32 * MIB)]) });
    expect([answer.status, await answer.text()]).toEqual([403, '<Code>AccessDenied</Code>']);
  });

  it('rejects when the file cannot be read to its end, and sends no shorter one', async () => {
    let isComplete: boolean | undefined;
    let tell = () => {};
    const closed = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const url = await listen((request) => {
      request.resume().on('error', () => {});
      request.on('close', () => {
        isComplete = request.complete;
        tell();
      });
    });
    await expect(fetchFromDisk(url, { method: 'PUT', body: failing(2 * MIB) })).rejects.toThrow('has changed');
    await closed;
    expect(isComplete).toBe(false);
  });

  it('rejects with the abort, and closes the connection', async () => {
    const stopped = new AbortController();
    const url = await listen(() => stopped.abort());
    const sent = fetchFromDisk(url, { method: 'PUT', body: new Blob(['a']), signal: stopped.signal });
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  });
});

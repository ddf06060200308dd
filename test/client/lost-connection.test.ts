import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withKeys } from '../../src/client/encryption/with-keys.ts';
import { listen } from '../helpers/listen.ts';
import { mint } from '../helpers/test-service.ts';
import { cutOff, failureOf, startServiceForClients, textFile } from './service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients();
});
afterAll(() => host.close());

describe('a token that the service refuses', () => {
  it('is requested once more, after the app has renewed its session', async () => {
    const good = await mint('alice');
    let token = 'old';
    let renewed = 0;
    const client = await host.client('alice', {
      token: () => token,
      onUnauthorized: async () => {
        renewed += 1;
        token = good;
      },
    });
    expect(await client.upload(textFile('x'))).toMatchObject({ size: 1 });
    expect(renewed).toBe(1);
  });

  it('is requested once more without that, if it has changed by then', async () => {
    const tokens = ['old', await mint('alice')];
    const client = await host.client('alice', { token: () => (tokens.length > 1 ? tokens.shift() : tokens[0]) ?? '' });
    expect(await client.upload(textFile('x'))).toMatchObject({ size: 1 });
  });

  it('is final the second time, and at once if the token has not changed', async () => {
    let asked = 0;
    const client = await host.client('alice', { token: 'old' });
    expect(await failureOf(client.upload(textFile('x')))).toMatchObject({ code: 'unauthenticated', status: 401 });
    expect(client.sent).toHaveLength(1);
    const other = await host.client('alice', { token: () => `old-${asked++}` });
    expect(await failureOf(other.upload(textFile('x')))).toMatchObject({ status: 401 });
    expect(other.sent).toHaveLength(2);
  });
});

describe('a connection that is lost', () => {
  it('is waited out once the service has answered, beyond the attempts of a refusal', async () => {
    let left = 0;
    const client = await host.client('alice', {}, ({ what }, send) =>
      what === 'PUT whole' && left-- > 0 ? cutOff() : send(),
    );
    await client.upload(textFile('first'));
    left = 30;
    expect(await client.upload(textFile('second'))).toMatchObject({ size: 6 });
    expect(client.delaysMs.length).toBeGreaterThanOrEqual(30);
  });

  it('is what keeps an offline browser from renewing its token', async () => {
    const good = await mint('alice');
    const navigator = { onLine: true };
    vi.stubGlobal('navigator', navigator);
    let failures = 0;
    const token = () => {
      if (!navigator.onLine && failures++ === 20) navigator.onLine = true;
      if (navigator.onLine) return good;
      throw new TypeError('Failed to fetch');
    };
    const client = await host.client('alice', { token });
    await client.upload(textFile('first'));
    navigator.onLine = false;
    const states: string[] = [];
    const upload = client.upload(textFile('second'), { onState: ({ status }) => states.push(status) });
    expect(await upload).toMatchObject({ size: 6 });
    expect(states).toEqual(['preparing', 'offline', 'uploading', 'confirming', 'done']);
    vi.unstubAllGlobals();
  });

  it('is given up after the time that the app sets', async () => {
    let isUp = true;
    const client = await host.client('alice', { giveUpAfterMs: 120_000 }, (_sent, send) => (isUp ? send() : cutOff()));
    await client.upload(textFile('first'));
    isUp = false;
    expect(await failureOf(client.upload(textFile('second')))).toMatchObject({
      code: 'network-error',
      wasReached: true,
    });
    const waited = client.delaysMs.reduce((sum, each) => sum + each, 0);
    expect(waited).toBeGreaterThanOrEqual(120_000);
    expect(waited).toBeLessThan(160_000);
  });

  it('is not reported as a changed file, but an unreadable file is', async () => {
    const gone = Object.assign(new File(['hello'], 'a.txt', { type: 'text/plain' }), {});
    const client = await host.client('alice');
    const unreadable = Object.assign(new Blob(['hello']), {
      slice: () => unreadable,
      arrayBuffer: () => Promise.reject(new DOMException('the file was changed', 'NotReadableError')),
      stream: () => {
        throw new DOMException('the file was changed', 'NotReadableError');
      },
    });
    Object.assign(gone, { slice: () => unreadable });
    expect(await failureOf(client.upload(gone))).toMatchObject({ code: 'file-changed', retryable: false });
    const slice = () => {
      throw new Error('a.txt has changed');
    };
    Object.assign(unreadable, { slice });
    expect(await failureOf(client.upload(gone))).toMatchObject({ code: 'file-changed', retryable: false });
    expect(client.delaysMs).toEqual([1000, 1000]);
  });

  it.each([
    ['hashed', { checksum: true }],
    ['encrypted', { encryption: withKeys([{ id: 'a', key: new Uint8Array(32) }]) }],
  ])('is not what an unreadable file has that is %s first', async (_what, options) => {
    const client = await host.client('alice');
    const unreadable = Object.assign(new File(['hello'], 'a.txt', { type: 'text/plain' }), {
      slice: () => unreadable,
      arrayBuffer: () => Promise.reject(new DOMException('the file was removed', 'NotFoundError')),
    });
    const upload = client.upload(unreadable, options);
    expect(await failureOf(upload)).toMatchObject({ code: 'file-changed' });
    expect(upload.state).toMatchObject({ status: 'failed', retryable: false });
    expect(client.sent).not.toContain('PUT whole');
  });

  it('is what a silent service has, which is asked again', async () => {
    const silent = createServer(() => {});
    const url = await listen(silent);
    let asked = 0;
    const client = await host.client('alice', {
      stallTimeoutMs: 100,
      fetch: (input, init) => (asked++ === 0 ? fetch(`${url}/presign-upload`, init) : fetch(input, init)),
    });
    expect(await client.upload(textFile('x'))).toMatchObject({ size: 1 });
    silent.close();
    silent.closeAllConnections();
  });

  it('is not reported as a changed file if only a page that is being left cannot read it', async () => {
    const client = await host.client('alice');
    const file = new File(['hello'], 'a.txt', { type: 'text/plain' });
    let refusals = 2;
    const body = Object.assign(new Blob(['hello']), {
      slice: () => body,
      arrayBuffer: async () => read(() => Blob.prototype.arrayBuffer.call(body)),
      stream: () => read(() => Blob.prototype.stream.call(body)),
    });
    const read = <Result>(of: () => Result): Result => {
      if (refusals-- > 0) throw new DOMException('The I/O read operation failed.', 'NotReadableError');
      return of();
    };
    Object.assign(file, { slice: () => body });
    expect(await client.upload(file)).toMatchObject({ fileName: 'a.txt', size: 5 });
  });
});

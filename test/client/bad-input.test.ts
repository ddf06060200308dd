import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { SignpostOptions } from '../../src/client/create-signpost.ts';
import { listen } from '../helpers/listen.ts';
import { host } from './parts-service.ts';
import { createStorage, textFile, threeParts } from './service-for-clients.ts';

const refusalOf = async (options: Partial<SignpostOptions>) => {
  const client = await host.client('alice', options);
  const upload = client.upload(textFile('x'));
  const error = await upload.catch((error: unknown) => error);
  return { error, state: upload.state, waits: client.delaysMs.length };
};

/** A server that answers everything with the same page. */
const startPage = async (status: number, page = '<!doctype html><title>Somebody else</title>') => {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end(page);
  });
  return { url: await listen(server), close: () => server.close() };
};

describe('a wrong URL', () => {
  it.each([
    ...['files.example.com', '/uploads', 'ftp://files.example.com', 'https://user:password@files.example.com'],
    ...['https://files.example.com/?tenant=a', 'https://files.example.com/#top'],
  ])('is told at once: %s', async (url) => {
    // The client of these tests parses the URL itself.
    const { error, state, waits } = await refusalOf({ url, fetch });
    expect(error).toMatchObject({ code: 'invalid-url', status: 0, retryable: false });
    expect(state).toMatchObject({ status: 'failed', retryable: false });
    expect(waits).toBe(0);
  });

  it.each([
    [200, undefined],
    [404, undefined],
    [200, ''],
    [404, '{ "code": 5, "message": "Not Found" }'],
    [422, '{ "detail": "Invalid", "errors": { "fileName": ["is required"] } }'],
  ])('of another server, which answers %i, is an error with the URL', async (status, text) => {
    const page = await startPage(status, text);
    const { error, waits } = await refusalOf({ url: page.url });
    page.close();
    const detail = `${page.url}/presign-upload answered ${status}`;
    expect(error).toMatchObject({ code: 'unexpected-answer', status, detail, errors: [] });
    expect(waits).toBe(0);
  });

  it('without an answer is a lost connection to a server that was never reached', async () => {
    const page = await startPage(200);
    page.close();
    const { error, waits } = await refusalOf({ url: page.url, maxAttempts: 3 });
    expect(error).toMatchObject({ code: 'network-error', wasReached: false });
    expect(waits).toBe(2);
  });
});

describe('a wrong token', () => {
  it.each(['two\nlines', 'ключ'])('is an error at once if no request can carry it: %j', async (token) => {
    const { error, state, waits } = await refusalOf({ token });
    expect(error).toMatchObject({ code: 'invalid-token', retryable: false });
    expect(state).toMatchObject({ status: 'failed', retryable: false });
    expect(waits).toBe(0);
  });

  it.each(['an-opaque-token', 'two words'])(
    'is refused by the service if it is none of its tokens: %s',
    async (token) => {
      const { error, state } = await refusalOf({ token });
      expect(error).toMatchObject({ code: 'unauthenticated', status: 401 });
      expect(state).toMatchObject({ status: 'failed', retryable: true });
    },
  );

  it('is the app’s error if its function throws', async () => {
    // A browser's error of this name means that the file is gone.
    const signedOut = Object.assign(new Error('signed out'), { name: 'NotFoundError' });
    const { error } = await refusalOf({ token: () => Promise.reject(signedOut) });
    expect(error).toBe(signedOut);
  });
});

describe('an unusable storage', () => {
  const throwing = () => {
    throw new DOMException('no', 'QuotaExceededError');
  };

  it.each(['getItem', 'setItem', 'removeItem', 'key'])('only prevents resuming: %s throws', async (method) => {
    const storage = createStorage();
    storage.setItem('signpost:old', '{}');
    const client = await host.client('alice', { storage: { ...storage, length: 1, [method]: throwing } });
    expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
  });

  it.each(['5', '[]', '{"objectKey":1}', '{"objectKey":"a","uploadId":"b","partSize":1}'])(
    'costs only the resuming: it has %s',
    async (text) => {
      const storage = createStorage();
      const client = await host.client('alice', { storage: { ...storage, getItem: () => text } });
      expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
    },
  );
});

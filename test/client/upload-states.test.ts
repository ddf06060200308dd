import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Upload, UploadState } from '../../src/client/create-signpost.ts';
import { createPause, host } from './parts-service.ts';
import { createStorage, cutOff, type Interference, PART, textFile, threeParts } from './service-for-clients.ts';

/** Starts an upload and keeps a record of its states. */
const follow = async (user: string, file: File, interfere?: Interference, maxAttempts?: number) => {
  const states: UploadState[] = [];
  const client = await host.client(user, { storage: createStorage(), parallelParts: 1, maxAttempts }, interfere);
  const upload = client.upload(file, { onState: (state) => states.push(state) });
  return { client, upload, states, names: () => states.map(({ status }) => status) };
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the states of an upload', () => {
  it.each([
    ['in one piece', textFile('hello')],
    ['in parts', threeParts()],
  ])('and its progress are reported to functions that throw, and it is stored: a file %s', async (_, file) => {
    const reported = new Set<unknown>();
    vi.stubGlobal('console', { ...console, error: (error: Error) => reported.add(error.message) });
    const { upload } = await host.client('alice');
    const gone = (what: string) => () => {
      throw new Error(`${what} has gone`);
    };
    const stored = await upload(file, { onState: gone('the text'), onProgress: gone('the bar') });
    expect(stored.size).toBe(file.size);
    expect(reported).toEqual(new Set(['the text has gone', 'the bar has gone']));
  });

  it.each([
    ['in one piece', textFile('hello')],
    ['in parts', threeParts()],
  ])('are reported one after another: a file %s', async (_, file) => {
    const { upload, states, names } = await follow('alice', file);
    expect(upload.state).toEqual({ status: 'waiting' });
    const stored = await upload;
    expect(names()).toEqual(['preparing', 'uploading', 'confirming', 'done']);
    expect(states.at(-1)).toEqual({ status: 'done', file: stored });
    expect(upload.state).toBe(states.at(-1));
    upload.pause();
    await upload.abort();
    expect(upload.state.status).toBe('done');
  });

  it('wait for a free place', async () => {
    const { paused, interfere, follow: pausable } = createPause('PUT whole');
    const client = await host.client('alice', { parallelFiles: 1 }, interfere);
    const first = pausable(client.upload(textFile('one')));
    const second = client.upload(textFile('two'));
    expect(second.state).toEqual({ status: 'waiting' });
    await paused;
    await second;
    first.resume();
    expect(first.state).toEqual({ status: 'waiting' });
    await first;
  });

  it('have the reason and the time of a retry, and end with the next byte', async () => {
    let failures = 2;
    const { client, upload, states, names } = await follow('alice', threeParts(), async ({ what }, send) => {
      if (what !== 'PUT 2' || failures-- <= 0) return send();
      return new Response('<Error><Code>SlowDown</Code></Error>', { status: 503 });
    });
    const before = Date.now();
    await upload;
    const ways = ['preparing', 'uploading', 'retrying', 'retrying', 'uploading', 'confirming', 'done'];
    expect(names()).toEqual(ways);
    expect(states[2]).toMatchObject({ error: { code: 'bucket-refused', status: 503 } });
    const { nextAttemptAtMs } = states[2] as Extract<UploadState, { status: 'retrying' }>;
    expect(nextAttemptAtMs).toBeGreaterThanOrEqual(before + (client.delaysMs[0] ?? Number.NaN));
  });

  it('say that the browser is offline', async () => {
    const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    const setOnline = (onLine: boolean) =>
      Object.defineProperty(globalThis, 'navigator', { value: { onLine }, configurable: true });
    const { upload, names } = await follow('alice', textFile('hello'), ({ what }, send) => {
      if (what !== 'PUT whole' || upload.state.status === 'offline') return send();
      setOnline(false);
      return cutOff();
    });
    await upload;
    if (navigator) Object.defineProperty(globalThis, 'navigator', navigator);
    else Reflect.deleteProperty(globalThis, 'navigator');
    expect(names()).toEqual(['preparing', 'uploading', 'offline', 'uploading', 'confirming', 'done']);
  });

  it('show at once how much a pause has lost, and what is kept', async () => {
    const shown: number[] = [];
    const client = await host.client('alice', { parallelParts: 1 }, async ({ what }, send) => {
      if (what !== 'PUT 2' || client.count(what) > 1) return send();
      const answer = await send();
      upload.pause();
      return answer;
    });
    const states: UploadState[] = [];
    const upload: Upload = client.upload(threeParts(), {
      onProgress: ({ sentBytes }) => shown.push(sentBytes),
      onState: (state) => states.push(state),
    });
    await expect.poll(() => upload.state.status).toBe('paused');
    expect(upload.state).toEqual({ status: 'paused', lostBytes: PART });
    expect(shown.at(-1)).toBe(PART);
    upload.resume();
    await upload;
    expect(states.map(({ status }) => status)).toEqual([
      'preparing',
      'uploading',
      'paused',
      'waiting',
      'uploading',
      'confirming',
      'done',
    ]);
  });

  it.each(['itself', 'a signal'])('end as aborted, by %s', async (way) => {
    const controller = new AbortController();
    const client = await host.client('alice');
    const upload = client.upload(textFile('hello'), { signal: controller.signal });
    if (way === 'itself') await upload.abort();
    else controller.abort();
    expect(upload.state).toEqual({ status: 'aborted' });
    // Nobody has caught the rejection: the test would fail if that was reported.
    upload.resume();
    upload.pause();
    expect(upload.state).toEqual({ status: 'aborted' });
    expect(client.upload(textFile('x'), { signal: controller.signal }).state.status).toBe('waiting');
  });
});

describe('a failed upload', () => {
  it('may be tried again after a lost connection, a refused token or a full quota', async () => {
    const lost = await follow('alice', textFile('hello'), cutOff, 1);
    const error = await lost.upload.catch((error: unknown) => error);
    expect(lost.upload.state).toEqual({ status: 'failed', error, retryable: true });
    const client = await host.client('alice', { token: 'old' });
    const refused = client.upload(textFile('hello'));
    await expect(refused).rejects.toMatchObject({ status: 401 });
    expect(refused.state).toMatchObject({ status: 'failed', retryable: true });
  });

  it('need not be tried again with a file that was refused', async () => {
    const { upload } = await follow('alice', new File(['x'], 'a.exe', { type: 'application/x-msdownload' }), () =>
      Promise.resolve(Response.json({ code: 'content-type-not-allowed', detail: 'not allowed' }, { status: 415 })),
    );
    await expect(upload).rejects.toMatchObject({ code: 'content-type-not-allowed' });
    expect(upload.state).toMatchObject({ status: 'failed', retryable: false });
  });

  it('steps its progress back to what is kept', async () => {
    const shown: number[] = [];

    const client = await host.client('alice', { maxAttempts: 1, parallelParts: 1 }, ({ what }, send) =>
      what === 'PUT 3' ? cutOff() : send(),
    );
    const upload = client.upload(threeParts(), { onProgress: ({ sentBytes }) => shown.push(sentBytes) });
    await expect(upload).rejects.toMatchObject({ code: 'network-error' });
    expect(shown.at(-1)).toBe(2 * PART);
  });
});

import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileUploads, type NativeFile, type SendFile } from '../../src/client/native/create-file-uploads.ts';
import { otherDigit } from '../helpers/other-digit.ts';
import { mint } from '../helpers/test-service.ts';
import { runBlock } from './run-block.ts';
import { createStorage, startServiceForClients } from './service-for-clients.ts';

const TEXT = 'from the file system, never in memory\n'.repeat(10_000);

let host: Awaited<ReturnType<typeof startServiceForClients>>;
let directory: string;
let file: NativeFile;
beforeAll(async () => {
  host = await startServiceForClients({ env: { MAX_UPLOAD_BYTES: '1000000' } });
  directory = await mkdtemp(join(tmpdir(), 'signpost-native-'));
  const path = join(directory, 'notes.txt');
  await writeFile(path, TEXT);
  file = { uri: pathToFileURL(path).href, name: 'notes.txt', size: TEXT.length, type: 'text/plain' };
});
afterAll(async () => {
  await host.close();
  await rm(directory, { recursive: true });
});

/** Does what the system does: reads the file piece by piece, and sends it with these headers alone. */
const send: SendFile = async ({ uri, size }, { url, headers, onSent, signal }) => {
  const put = request(url, { method: 'PUT', headers: { ...headers, 'content-length': String(size) }, signal });
  const answered = new Promise<number>((resolve, reject) => {
    put.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    put.on('error', reject);
  });
  let sentBytes = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      yield chunk;
      sentBytes += chunk.length;
      onSent(sentBytes);
    }
  };
  // A refusal comes before all is sent.
  await Promise.race([answered, pipeline(createReadStream(new URL(uri)), count, put, { signal })]).catch(() => {});
  const status = await answered;
  put.destroy();
  return { status };
};

const client = async (options: Partial<Parameters<typeof createFileUploads>[0]> = {}) =>
  createFileUploads({
    url: host.url,
    token: await mint('ada'),
    storage: createStorage(),
    send,
    sleep: async () => {},
    ...options,
  });

describe('createFileUploads', () => {
  it('uploads from the file system, and reports states and progress', async () => {
    const storage = createStorage();
    const uploads = await client({ storage });
    const states: string[] = [];
    const sent: number[] = [];
    const stored = await uploads.upload(file, {
      recordId: 'case-42',
      onState: ({ status }) => states.push(status),
      onProgress: ({ sentBytes }) => sent.push(sentBytes),
    });
    expect(stored).toMatchObject({ fileName: 'notes.txt', contentType: 'text/plain', size: TEXT.length });
    expect(String(await host.service.bucket.read(stored.objectKey))).toBe(TEXT);
    expect(states).toEqual(['preparing', 'uploading', 'confirming', 'done']);
    expect([sent.length > 1, sent.at(-1)]).toEqual([true, TEXT.length]);
    expect(await uploads.restore()).toEqual([]);
  });

  it('confirms at the next start the files that the system has sent meanwhile', async () => {
    const storage = createStorage();
    let isThere = () => {};
    const arrived = new Promise<void>((resolve) => {
      isThere = resolve;
    });
    const first = await client({
      storage,
      send: async (...all) => {
        await send(...all);
        isThere();
        return new Promise(() => {});
      },
    });
    first.upload(file);
    await arrived;
    const next = await client({ storage });
    expect(await next.restore()).toMatchObject([
      { fileName: 'notes.txt', status: 'done', file: { size: TEXT.length } },
    ]);
    expect(await next.restore()).toEqual([]);
  });

  it('reports pending and failed uploads, and forgets nothing without an answer', async () => {
    const storage = createStorage();
    let begun = () => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const never: SendFile = () => {
      begun();
      return new Promise(() => {});
    };
    const first = await client({ storage, send: never, expiresInSeconds: 3600 });
    first.upload(file);
    await beginning;
    // The running upload is in good hands.
    expect(await first.restore()).toEqual([]);
    const offline = await client({ storage, fetch: () => Promise.reject(new TypeError('offline')), maxAttempts: 1 });
    await expect(offline.restore()).rejects.toMatchObject({ code: 'network-error' });
    const portal = await client({ storage, fetch: async () => new Response('<h1>Welcome to this hotel</h1>') });
    await expect(portal.restore()).rejects.toMatchObject({ code: 'unexpected-answer' });
    expect(await (await client({ storage })).restore()).toMatchObject([{ status: 'pending' }]);
    const later = await client({ storage, now: () => Date.now() + 3_700_000 });
    expect(await later.restore()).toMatchObject([{ status: 'failed', error: { code: 'object-not-found' } }]);
    expect(await later.restore()).toEqual([]);
  });

  it('keeps the uploads of another user of the device, and shows them to nobody else', async () => {
    const storage = createStorage();
    let begun = () => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = await client({
      storage,
      send: () => {
        begun();
        return new Promise(() => {});
      },
    });
    first.upload(file);
    await beginning;
    const other = await client({ storage, token: await mint('alice') });
    expect(await other.restore()).toEqual([]);
    expect(await (await client({ storage })).restore()).toMatchObject([{ status: 'pending' }]);
    const muchLater = await client({ storage, token: await mint('alice'), now: () => Date.now() + 40 * 86_400_000 });
    expect(await muchLater.restore()).toEqual([]);
    expect(await (await client({ storage })).restore()).toEqual([]);
  });

  it('keeps what is pending while the storage cannot be read', async () => {
    const storage = createStorage();
    const locked = { ...storage, getItem: () => Promise.reject(new Error('the database is locked')) };
    for (const [fileName, where] of Object.entries({ 'first.txt': storage, 'second.txt': locked })) {
      const uploads = await client({ storage: where, send: () => new Promise(() => {}) });
      const upload = uploads.upload(file, { fileName });
      await expect.poll(() => upload.state.status).toBe('uploading');
    }
    expect(await (await client({ storage })).restore()).toMatchObject([{ fileName: 'first.txt', status: 'pending' }]);
  });

  it('pauses, and starts from the first byte when it is resumed', async () => {
    let attempts = 0;
    const uploads = await client({
      send: async (given, { onSent, signal, ...rest }) => {
        if (++attempts > 1) return send(given, { onSent, signal, ...rest });
        onSent(1000);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const states: unknown[] = [];
    const upload = uploads.upload(file, { onState: (state) => states.push(state), onProgress: () => pauseOnce() });
    const pauseOnce = () => {
      if (attempts === 1) queueMicrotask(() => upload.pause());
    };
    await expect.poll(() => upload.state).toEqual({ status: 'paused', lostBytes: 1000 });
    upload.resume();
    expect(await upload).toMatchObject({ size: TEXT.length });
    expect([attempts, upload.state.status]).toEqual([2, 'done']);
  });

  it.each(['aborted', 'paused'] as const)('stays %s when the storage of the app answers late', async (status) => {
    let written: (() => void) | undefined;
    const setItem = () => new Promise<void>((resolve) => (written = resolve));
    const uploads = await client({ storage: { getItem: () => null, setItem } });
    const states: string[] = [];
    const upload = uploads.upload(file, { onState: (state) => states.push(state.status) });
    await expect.poll(() => written).toBeDefined();
    if (status === 'aborted') await upload.abort();
    else upload.pause();
    written?.();
    await new Promise(setImmediate);
    expect(states).toEqual(['preparing', status]);
    if (status === 'aborted') return expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    upload.resume();
    await expect.poll(() => states.at(-1)).toBe('confirming');
  });

  it('repeats a lost request, and asks for another URL when one has expired', async () => {
    const answers = ['lost', '409 ConditionalRequestConflict', '400 RequestTimeout', 'expired', 'real'];
    const asked: string[] = [];
    const uploads = await client({
      send: async (given, { url, ...rest }) => {
        const { pathname } = new URL(url);
        asked.push(pathname);
        const what = answers.shift();
        if (what === 'lost') throw new TypeError('the connection was lost');
        const [, status, code] = /^(\d+) (\w+)$/.exec(what ?? '') ?? [];
        if (code !== undefined) return { status: Number(status), body: `<Error><Code>${code}</Code></Error>` };
        return send(given, { url: what === 'expired' ? url.replace(/(?<=Signature=)./, otherDigit) : url, ...rest });
      },
    });
    const states: string[] = [];
    await uploads.upload(file, { onState: ({ status }) => states.push(status) });
    expect(states).toEqual([
      'preparing',
      'uploading',
      'retrying',
      'retrying',
      'retrying',
      'uploading',
      'preparing',
      'uploading',
      'confirming',
      'done',
    ]);
    expect([asked.length, new Set(asked).size]).toEqual([5, 2]);
  });

  it('is refused by a typed error that says whether trying again can help', async () => {
    const uploads = await client();
    const large = uploads.upload({ ...file, size: 1_000_001 });
    await expect(large).rejects.toMatchObject({ name: 'SignpostError', code: 'file-too-large', status: 413 });
    expect(large.state).toMatchObject({ status: 'failed', retryable: false });
    const gone = uploads.upload({ ...file, size: null });
    await expect(gone).rejects.toMatchObject({ code: 'file-changed' });
  });

  it('aborts, also where a signal has no reason and no throwIfAborted, as in React Native', async () => {
    const { AbortController: Real } = globalThis;
    globalThis.AbortController = class extends Real {
      constructor() {
        super();
        for (const name of ['reason', 'throwIfAborted']) {
          Object.defineProperty(this.signal, name, { value: undefined, configurable: true });
        }
      }
    };
    try {
      const storage = createStorage();
      const uploads = await client({ storage, send: () => new Promise(() => {}) });
      const upload = uploads.upload(file);
      await expect.poll(() => upload.state.status).toBe('uploading');
      await upload.abort();
      await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
      expect(upload.state).toEqual({ status: 'aborted' });
      expect(await uploads.restore()).toEqual([]);
      const offline = await client({ fetch: () => Promise.reject(new TypeError('offline')), maxAttempts: 1 });
      await expect(offline.upload(file)).rejects.toMatchObject({ code: 'network-error' });
    } finally {
      globalThis.AbortController = Real;
    }
  });

  it('is used as docs/react-native.md says', async () => {
    const storage = createStorage();
    const token = await mint('bob');
    class File {
      constructor() {
        Object.assign(this, file);
      }
    }
    const uploads = (options: Parameters<typeof createFileUploads>[0]) =>
      createFileUploads({ ...options, url: host.url });
    const scope = { AsyncStorage: storage, sendByExpo: send, createFileUploads: uploads, File, uri: file.uri };
    const stored = await runBlock(
      'react-native',
      'sendByExpo',
      { ...scope, session: { token: () => token } },
      'stored',
    );
    expect(stored).toMatchObject({ fileName: 'notes.txt', recordId: 'case-42', size: TEXT.length });
    const told: unknown[] = [];
    const restored = [
      { fileName: 'a.txt', status: 'done', file: { fileId: '1' } },
      { fileName: 'b.txt', status: 'pending' },
      { fileName: 'c.txt', status: 'failed', error: { code: 'object-not-found' } },
    ];
    const console = { log: (...all: unknown[]) => told.push(all.join(' ')) };
    await runBlock('react-native', 'restore', { uploads: { restore: async () => restored }, console }, 'undefined');
    expect(told).toEqual(['a.txt is stored as 1', 'c.txt has to be uploaded again object-not-found']);
  });
});

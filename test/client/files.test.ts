import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFiles, type FilesOptions, SignpostError } from '../../src/client/create-signpost.ts';
import { createFileList } from '../../src/client/queue/create-upload-queue.ts';
import { mint } from '../helpers/test-service.ts';
import { startServiceForClients, textFile } from './service-for-clients.ts';

let running: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  running = await startServiceForClients({ env: { QUOTA_BYTES: '50000000' } });
});
afterAll(() => running.close());

const filesOf = async (user: string, options: Partial<FilesOptions> = {}) =>
  createFiles({ url: `${running.url}/`, token: await mint(user), sleep: async () => {}, ...options });

async function uploaded(user: string, bytes: Uint8Array<ArrayBuffer>, fileName: string) {
  const { upload } = await running.client(user);
  return upload(new Blob([bytes]), { fileName });
}

const code = (value: string) => expect.objectContaining({ code: value });

describe('createFiles', () => {
  it('lists page after page, with filters, and ignores undefined ones', async () => {
    const { upload } = await running.client('lister');
    for (const name of ['a.txt', 'b.txt', 'c.txt']) await upload(textFile(name, name), { documentType: 'note' });
    await upload(textFile('d', 'd.txt'));
    const files = await filesOf('lister');
    const pages: string[][] = [];
    const query = { limit: 2, sort: 'fileName', documentType: 'note', q: undefined } as const;
    for await (const page of files.list(query)) pages.push(page.files.map(({ fileName }) => fileName));
    expect(pages).toEqual([['a.txt', 'b.txt'], ['c.txt']]);
  });

  it('downloads with one request if the function for the progress throws', async () => {
    const { fileId } = await uploaded('reader', new Uint8Array(3_000_000), 'three.bin');
    const reported: unknown[] = [];
    vi.stubGlobal('console', { ...console, error: (error: unknown) => reported.push(error) });
    let requests = 0;
    const files = await filesOf('reader', {
      fetch: (input, init) => {
        requests++;
        return fetch(input, init);
      },
    });
    const onProgress = () => {
      throw new Error('the bar has gone');
    };
    expect((await files.download(fileId, { onProgress })).size).toBe(3_000_000);
    vi.unstubAllGlobals();
    // One for the URL, one for the bytes.
    expect(requests).toBe(2);
    expect(reported.length).toBeGreaterThan(0);
  });

  it('gets, changes, archives, restores, counts and removes a file', async () => {
    const { fileId } = await uploaded('keeper', new Uint8Array(10), 'ten.bin');
    const files = await filesOf('keeper');
    expect(await files.get(fileId)).toMatchObject({ fileName: 'ten.bin', size: 10 });
    expect(await files.update(fileId, { fileName: 'x.bin', recordId: undefined })).toMatchObject({ fileName: 'x.bin' });
    expect(await files.archive(fileId)).toMatchObject({ status: 'archived' });
    await expect(files.download(fileId)).rejects.toEqual(code('conflict'));
    expect(await files.restore(fileId)).toMatchObject({ status: 'active' });
    const acts = (await files.events(fileId)).map(({ action, outcome }) => `${action} ${outcome}`);
    expect(acts.slice(0, 3)).toEqual(['file.restore ok', 'download.presign conflict', 'file.archive ok']);
    expect(await files.usage()).toEqual({ bytes: 10, files: 1, quotaBytes: 50_000_000, quotaFiles: null });
    await files.remove(fileId);
    await expect(files.get(fileId)).rejects.toEqual(code('file-not-found'));
  });

  it('cannot be led to another route by an id', async () => {
    const files = await filesOf('guesser');
    await expect(files.get('../usage')).rejects.toBeInstanceOf(SignpostError);
    await expect(files.remove('a/archive?x=')).rejects.toBeInstanceOf(SignpostError);
  });

  it('downloads a whole file, an empty one, and a range, and reports progress', async () => {
    const bytes = new Uint8Array(randomBytes(300_000));
    const { fileId } = await uploaded('reader', bytes, 'random.bin');
    const files = await filesOf('reader');
    const told: number[] = [];
    const whole = await files.download(fileId, { onProgress: ({ sentBytes }) => told.push(sentBytes) });
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    expect(told.at(-1)).toBe(300_000);
    const stretch = await files.download(fileId, { start: 100, end: 200 });
    expect(Buffer.from(await stretch.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
    const past = await files.download(fileId, { start: 299_999, end: 999_999 });
    expect(past.size).toBe(1);
    const empty = await uploaded('reader', new Uint8Array(), 'empty.bin');
    expect((await files.download(empty.fileId)).size).toBe(0);
  });

  it('continues where the connection broke, and fails when nothing more arrives', async () => {
    const bytes = new Uint8Array(randomBytes(400_000));
    const { fileId } = await uploaded('patient', bytes, 'long.bin');
    const ranges: (string | null)[] = [];
    let breaks = 3;
    const breaking: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (String(input).startsWith(running.url)) return response;
      ranges.push(new Headers(init?.headers).get('range'));
      return breaks-- > 0 ? breakingOff(response, 100_000) : response;
    };
    const files = await filesOf('patient', { fetch: breaking });
    const chunks: Uint8Array[] = [];
    const stream = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
    await files.downloadTo(fileId, stream);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(ranges).toHaveLength(4);
    expect(ranges[0]).toBeNull();
    expect(ranges.slice(1)).toEqual(ranges.slice(1).map(() => expect.stringMatching(/^bytes=\d+-399999$/)));

    breaks = 100;
    const stuck = await filesOf('patient', { fetch: breaking, maxAttempts: 3 });
    await expect(stuck.download(fileId, { start: 399_000 })).resolves.toHaveProperty('size', 1000);
    const dead: typeof fetch = (input, init) =>
      String(input).startsWith(running.url) ? fetch(input, init) : fetch(input, init).then((r) => breakingOff(r, 0));
    const hopeless = await filesOf('patient', { fetch: dead, maxAttempts: 3 });
    await expect(hopeless.download(fileId)).rejects.toEqual(code('network-error'));
  });

  it('gives no bytes of another file, nor more or fewer than the file has', async () => {
    const { fileId } = await uploaded('sceptic', new Uint8Array(1000), 'zeros.bin');
    let requests = 0;
    let tickets = 0;
    const answering = (body: () => Uint8Array<ArrayBuffer>): typeof fetch => {
      requests = 0;
      return async (input, init) => {
        if (!String(input).startsWith(running.url)) {
          requests++;
          const status = new Headers(init?.headers).has('range') ? 206 : 200;
          return new Response(body(), { status, headers: { 'content-length': '1000' } });
        }
        const response = await fetch(input, init);
        const ticket = await response.json();
        return Response.json({ ...ticket, file: { ...ticket.file, etag: `"${tickets++}"` } });
      };
    };
    const download = async (body: () => Uint8Array<ArrayBuffer>) =>
      (await filesOf('sceptic', { fetch: answering(body), maxAttempts: 3 })).download(fileId);
    // The file is another one when the rest is asked for.
    await expect(download(() => new Uint8Array(10))).rejects.toEqual(code('conflict'));
    expect(requests).toBe(1);
    await expect(download(() => new Uint8Array(1001))).rejects.toEqual(code('conflict'));
    const { size } = await download(() => new Uint8Array(1000));
    expect(size).toBe(1000);
  });

  it('gives up when no more bytes come, although each answer ends without an error', async () => {
    const { fileId } = await uploaded('sceptic', new Uint8Array(1000), 'zeros.bin');
    let requests = 0;
    const empty: typeof fetch = async (input, init) => {
      if (String(input).startsWith(running.url)) return fetch(input, init);
      requests++;
      return new Response(new Uint8Array(), { status: new Headers(init?.headers).has('range') ? 206 : 200 });
    };
    const files = await filesOf('sceptic', { fetch: empty, maxAttempts: 3 });
    await expect(files.download(fileId)).rejects.toEqual(code('network-error'));
    expect(requests).toBe(3);
  });

  it.each([
    ['a length of its own', { 'content-length': '11' }, 'done'],
    ['no length', {}, 'unexpected-answer'],
  ])('takes no byte of a page with 200 and %s that a proxy answers with', async (_what, headers, outcome) => {
    const bytes = new Uint8Array(randomBytes(1000));
    const { fileId } = await uploaded('behind', bytes, 'random.bin');
    let pages = 1;
    const files = await filesOf('behind', {
      fetch: async (input, init) =>
        String(input).startsWith(running.url) || pages-- <= 0
          ? fetch(input, init)
          : new Response('<h1>502</h1', { headers }),
    });
    const got = await files.download(fileId).catch((error: unknown) => error);
    if (got instanceof Blob) expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    expect(got instanceof SignpostError ? got.code : 'done').toBe(outcome);
  });

  it('continues in another connection when one is silent', async () => {
    const { fileId } = await uploaded('waiter', new Uint8Array(200_000), 'zeros.bin');
    let silences = 2;
    let lost: AbortSignal | null | undefined;
    const silent: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (String(input).startsWith(running.url) || silences-- <= 0) return response;
      // First before the answer, then after a part of it.
      if (silences === 1) {
        lost = init?.signal;
        return new Promise(() => {});
      }
      const body = response.body?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            controller.enqueue(chunk.subarray(0, 1000));
            return new Promise(() => {});
          },
        }),
      );
      return new Response(body, { status: response.status, headers: response.headers });
    };
    const files = await filesOf('waiter', { fetch: silent, stallTimeoutMs: 100 });
    expect((await files.download(fileId)).size).toBe(200_000);
    expect(silences).toBe(-1);
    // Otherwise it would hold one of the browser's few connections.
    expect(lost?.aborted).toBe(true);
  });

  it('gives many downloads one signal, of which Node does not warn', async () => {
    const { fileId } = await uploaded('many', new Uint8Array(10), 'zeros.bin');
    const files = await filesOf('many');
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 12 }, () => files.download(fileId, { signal })));
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('stops with the reason of its signal, and aborts the stream', async () => {
    const { fileId } = await uploaded('stopper', new Uint8Array(200_000), 'zeros.bin');
    const files = await filesOf('stopper');
    const stopping = new AbortController();
    let aborted: unknown;
    const stream = new WritableStream<Uint8Array>({
      write: () => stopping.abort(new Error('enough')),
      abort: (reason) => {
        aborted = reason;
      },
    });
    await expect(files.downloadTo(fileId, stream, { signal: stopping.signal })).rejects.toThrow('enough');
    expect(aborted).toEqual(new Error('enough'));
  });
});

describe('createFileList', () => {
  it('shows what was put or removed while a page was loaded', async () => {
    const { upload } = await running.client('lara');
    const store = (name: string) => upload(textFile(name, name));
    const [, gone] = [await store('kept.txt'), await store('gone.txt')];
    let goOn = () => {};
    const opened = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let listed = 0;
    const files = await filesOf('lara', {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!String(input).includes('/files?')) return response;
        listed++;
        await opened;
        return response;
      },
    });
    const list = createFileList(files, { sort: 'fileName' });
    list.subscribe(() => {});
    await expect.poll(() => listed).toBe(1);
    list.put(await store('new.txt'));
    await list.remove(gone.fileId);
    goOn();
    await expect.poll(() => list.getSnapshot().isLoading).toBe(false);
    expect(list.getSnapshot().files.map(({ fileName }) => fileName)).toEqual(['new.txt', 'kept.txt']);
  });
});

/** An answer whose connection breaks after so many bytes. */
function breakingOff(response: Response, afterBytes: number): Response {
  let left = afterBytes;
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        if (left <= 0) controller.error(new TypeError('terminated'));
        else controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
      },
    }),
  );
  return new Response(body, { status: response.status, headers: response.headers });
}

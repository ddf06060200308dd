import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Signpost } from '../../../src/client/create-signpost.ts';
import {
  createUploadQueue,
  type QueueMemory,
  type SavedFile,
  type UploadQueue,
} from '../../../src/client/queue/create-upload-queue.ts';
import {
  createStorage,
  cutOff,
  loseAnswer,
  PART,
  startServiceForClients,
  textFile,
  threeParts,
} from '../service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients();
});
afterAll(() => host.close());

const statuses = (queue: UploadQueue) => queue.getSnapshot().items.map(({ status }) => status);
const names = (queue: UploadQueue) => queue.getSnapshot().items.map(({ fileName }) => fileName);
const until = (queue: UploadQueue, expected: string[]) => expect.poll(() => statuses(queue)).toEqual(expected);
const texts = (...all: string[]) => all.map((text) => textFile(text, `${text}.txt`));

/** Holds what is sent to the bucket until it is let go. */
function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('createUploadQueue', () => {
  it('uploads the added files, and reports each file and the totals', async () => {
    const client = await host.client('alice');
    const stored: string[] = [];
    const queue = createUploadQueue({
      signpost: client,
      uploadOptions: { recordId: 'case-1' },
      onDone: ({ fileName, recordId }) => stored.push(`${fileName} ${recordId}`),
    });
    expect(queue.getSnapshot()).toMatchObject({ items: [], isPaused: false, concurrency: 3 });
    let told = 0;
    const stop = queue.subscribe(() => told++);
    const adding = queue.add(texts('one', 'three'), { metadata: { source: 'scan' } });
    expect(queue.getSnapshot()).toMatchObject({
      items: [{ fileName: 'one.txt', contentType: 'text/plain' }, { totalBytes: 5 }],
      totals: { files: 2, sentBytes: 0, totalBytes: 8, bytesPerSecond: null, secondsLeft: null },
    });
    const ids = await adding;
    const { items, totals } = await queue.settled();
    expect(totals).toMatchObject({ files: 2, waiting: 0, running: 0, done: 2, failed: 0, sentBytes: 8, totalBytes: 8 });
    expect(items.map(({ id }) => id)).toEqual(ids);
    expect(items[0]?.stored).toMatchObject({ fileName: 'one.txt', metadata: { source: 'scan' } });
    expect(stored.sort()).toEqual(['one.txt case-1', 'three.txt case-1']);
    expect(told).toBeGreaterThan(0);
    stop();
  });

  it('has the same snapshot, and the same items, until they change', async () => {
    const client = await host.client('alice');
    const queue = createUploadQueue({ signpost: client, isPaused: true });
    await queue.add(texts('one', 'two'));
    const before = queue.getSnapshot();
    expect(queue.getSnapshot()).toBe(before);
    queue.resume(before.items[0]?.id ?? '');
    await queue.settled();
    const after = queue.getSnapshot();
    expect(after).not.toBe(before);
    expect(after.items[1]).toBe(before.items[1]);
    expect(before.items[0]?.status).toBe('paused');
    expect(queue.getServerSnapshot()).toMatchObject({ items: [] });
  });

  it('notifies once for a thousand changes', async () => {
    const uploads: ((sentBytes: number) => void)[] = [];
    const upload: Signpost['upload'] = (_file, options) => {
      uploads.push((sentBytes) => options?.onProgress?.({ sentBytes, totalBytes: 1_000 }));
      options?.onProgress?.({ sentBytes: 1, totalBytes: 1_000 });
      const state = { status: 'uploading' as const };
      return Object.assign(new Promise<never>(() => {}), { state, pause() {}, resume() {}, abort: async () => {} });
    };
    const { limits } = await host.client('alice');
    const queue = createUploadQueue({ signpost: { upload, limits }, concurrency: 2 });
    await queue.add(texts('one', 'two'));
    await expect.poll(() => uploads.length).toBe(2);
    expect(queue.getSnapshot().totals.sentBytes).toBe(2);
    let told = 0;
    const isTold = new Promise<void>((resolve) => {
      queue.subscribe(() => {
        told++;
        resolve();
      });
    });
    for (let sent = 1; sent <= 1_000; sent++) uploads[0]?.(sent);
    expect(told).toBe(0);
    await isTold;
    expect(told).toBe(1);
    expect(queue.getSnapshot().totals.sentBytes).toBe(1_001);
    queue.remove();
  });

  it('sends `concurrency` files at once, which can change while it runs, in an order that can change', async () => {
    const gate = createGate();
    let sending = 0;
    let most = 0;
    const order: string[] = [];
    const client = await host.client('bob', { parallelFiles: Number.POSITIVE_INFINITY }, async ({ what }, send) => {
      if (what !== 'PUT whole') return send();
      most = Math.max(most, ++sending);
      await gate.opened;
      return send().finally(() => sending--);
    });
    const beforeUpload = (file: File | Blob) => void order.push((file as File).name);
    const queue = createUploadQueue({ signpost: client, concurrency: 1, beforeUpload });
    const ids = await queue.add(texts('a', 'b', 'c', 'd', 'e'));
    await expect.poll(() => sending).toBe(1);
    queue.move(ids[4] ?? '', 0);
    queue.move(ids[1] ?? '', 99);
    queue.move('nobody', 0);
    expect(names(queue)).toEqual(['e.txt', 'a.txt', 'c.txt', 'd.txt', 'b.txt']);
    queue.setConcurrency(3);
    await expect.poll(() => sending).toBe(3);
    expect(queue.getSnapshot()).toMatchObject({ concurrency: 3, totals: { running: 3, waiting: 2 } });
    gate.open();
    await queue.settled();
    expect(most).toBe(3);
    expect(order).toEqual(['a.txt', 'e.txt', 'c.txt', 'd.txt', 'b.txt']);
    expect(() => queue.setConcurrency(0)).toThrow(RangeError);
    expect(() => createUploadQueue({ signpost: client, concurrency: Number.NaN })).toThrow('1 or more');
  });

  it('pauses one file or all, and does not send again what has arrived', async () => {
    let pause = () => {};
    const client = await host.client('carol', { parallelParts: 1 }, ({ what }, send) => {
      if (what === 'PUT 2' && client.count(what) === 1) pause();
      return send();
    });
    const queue = createUploadQueue({ signpost: client, concurrency: 1 });
    pause = () => queue.pause(queue.getSnapshot().items[0]?.id);
    await queue.add([threeParts(), textFile('next')]);
    await until(queue, ['paused', 'done']);
    expect(queue.getSnapshot()).toMatchObject({
      isPaused: false,
      items: [{ sentBytes: PART }, {}],
      totals: { paused: 1 },
    });
    queue.pause();
    await queue.add(textFile('later'));
    expect(queue.getSnapshot()).toMatchObject({ isPaused: true, totals: { paused: 2, running: 0 } });
    queue.resume();
    await until(queue, ['done', 'done', 'done']);
    expect(client.count('PUT 1')).toBe(1);
  });

  it('reports why a file failed, and sends it again on request', async () => {
    let isBroken = true;
    const client = await host.client('dave', { maxAttempts: 1 }, ({ what }, send) =>
      isBroken && what === 'POST /presign-upload' ? cutOff() : send(),
    );
    const failures: unknown[] = [];
    const queue = createUploadQueue({ signpost: client, onFailed: (error) => failures.push(error) });
    await queue.add(texts('one', 'two'));
    const { items, totals } = await queue.settled();
    expect(items[0]).toMatchObject({ status: 'failed', retryable: true, error: { code: 'network-error' } });
    expect(totals).toMatchObject({ failed: 2, totalBytes: 0 });
    expect(failures).toHaveLength(2);
    isBroken = false;
    queue.retry(items[0]?.id);
    await until(queue, ['done', 'failed']);
    expect(queue.getSnapshot().items[0]).toMatchObject({ error: null, retryable: false });
    queue.retry();
    await until(queue, ['done', 'done']);
  });

  it('reports the states of each upload', async () => {
    const gate = createGate();
    let losses = 1;
    const client = await host.client('fred', { sleep: () => gate.opened }, ({ what }, send) =>
      what === 'PUT whole' && losses-- > 0 ? cutOff() : send(),
    );
    const queue = createUploadQueue({ signpost: client });
    await queue.add(textFile('hello'));
    await until(queue, ['retrying']);
    const { items, totals } = queue.getSnapshot();
    expect(items[0]).toMatchObject({ error: { code: 'network-error' }, nextAttemptAtMs: expect.any(Number) });
    expect(totals).toMatchObject({ running: 1, waiting: 0 });
    gate.open();
    await until(queue, ['done']);
    expect(queue.getSnapshot().items[0]).toMatchObject({ error: null, nextAttemptAtMs: null });
  });

  it('does not count for the speed what an earlier page has sent', async () => {
    const storage = createStorage();
    const earlier = await host.client('gina', { storage, maxAttempts: 1, parallelParts: 1 }, ({ what }, send) =>
      what === 'PUT 3' ? cutOff() : send(),
    );
    await expect(earlier.upload(threeParts())).rejects.toMatchObject({ code: 'network-error' });
    const [list, last] = [createGate(), createGate()];
    const client = await host.client('gina', { storage }, async ({ what }, send) => {
      if (what === 'POST /list-parts') await list.opened;
      if (what === 'PUT 3') await last.opened;
      return send();
    });
    let nowMs = 0;
    const queue = createUploadQueue({ signpost: client, now: () => nowMs });
    void queue.add(threeParts());
    expect(queue.getSnapshot().totals).toMatchObject({ running: 1, sentBytes: 0 });
    nowMs = 4_000;
    list.open();
    await expect.poll(() => queue.getSnapshot().totals.sentBytes).toBe(2 * PART);
    expect(queue.getSnapshot().totals).toMatchObject({ bytesPerSecond: null, secondsLeft: null });
    last.open();
    await queue.settled();
  });

  it('sends nothing twice whose confirmation had no answer: not on a retry, nor after a reload', async () => {
    let isCut = true;
    const client = await host.client('rita', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /confirm-upload' && isCut ? loseAnswer(send) : send(),
    );
    const rows = new Map<string, SavedFile>();
    const memory: QueueMemory = {
      load: async () => [...rows.values()],
      save: (file) => void rows.set(file.id, file),
      setObjectKey: (id, objectKey) => rows.set(id, { ...(rows.get(id) as SavedFile), objectKey }),
      forget: (ids) => ids.forEach((id) => void rows.delete(id)),
    };
    const queue = createUploadQueue({ signpost: client, memory });
    await queue.add(textFile('once'));
    expect((await queue.settled()).items).toMatchObject([{ status: 'failed', error: { code: 'network-error' } }]);
    isCut = false;
    // The file itself has used up the quota.
    const quota = { bytes: 4, files: null, usedBytes: 4, usedFiles: 1 };
    const limits = async () => ({ ...(await client.limits()), quota });
    await until(createUploadQueue({ signpost: { ...client, limits }, memory }), ['done']);
    queue.retry();
    expect((await queue.settled()).items).toMatchObject([{ status: 'done' }]);
    expect([client.count('PUT whole'), client.count('POST /presign-upload'), rows.size]).toEqual([1, 1, 0]);
  });

  it('removes what has arrived of a removed file, and nothing of a stored one', async () => {
    const client = await host.client('erin', { parallelParts: 1 }, async ({ what }, send) => {
      const answer = await send();
      if (what === 'PUT 2') queue.remove();
      return answer;
    });
    const failures: unknown[] = [];
    const queue = createUploadQueue({ signpost: client, concurrency: 1, onFailed: (error) => failures.push(error) });
    await queue.add([textFile('kept'), threeParts(), textFile('unsent')]);
    await expect.poll(() => queue.getSnapshot().totals.files).toBe(0);
    await expect.poll(() => client.count('POST /abort-upload')).toBe(1);
    await expect.poll(() => host.openUploads('erin')).toBe(0);
    expect((await client.stored())[0]).toBe('kept');
    expect(client.count('POST /presign-upload')).toBe(2);
    expect(failures).toEqual([]);
    expect(queue.getSnapshot().totals).toMatchObject({ sentBytes: 0, totalBytes: 0 });
  });

  it('goes on when a function of the app throws', async () => {
    const reported: unknown[] = [];
    vi.stubGlobal('console', { ...console, error: (error: Error) => reported.push(error.message) });
    const broken = (what: string) => () => {
      throw new Error(what);
    };
    const client = await host.client('hugo');
    const queue = createUploadQueue({
      signpost: client,
      onDone: broken('done'),
      onFailed: broken('failed'),
    });
    const stop = queue.subscribe(broken('listener'));
    const unreadable = {
      isFile: true,
      name: 'gone.txt',
      file: (_: unknown, no: (error: Error) => void) => no(Error()),
    };
    // Folders are read one after another: those after a file that cannot be read as well.
    expect(await queue.add([textFile('one'), unreadable as never, unreadable as never])).toHaveLength(3);
    expect((await queue.settled()).items.map(({ status }) => status)).toEqual(['done', 'failed', 'failed']);
    expect(reported).toEqual(expect.arrayContaining(['done', 'failed', 'listener']));
    stop();
    vi.unstubAllGlobals();
  });

  it('refuses anything that is not a file', async () => {
    const queue = createUploadQueue({ signpost: await host.client('alice') });
    // What plain JavaScript may hand in.
    await expect(queue.add('a.txt' as never)).rejects.toThrow(TypeError);
    await expect(queue.add([{ name: 'a.txt' }] as never)).rejects.toThrow('add takes files');
    expect(await queue.add(null)).toEqual([]);
    expect(queue.getSnapshot().items).toEqual([]);
  });
});

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress, Upload } from '../../src/client/create-signpost.ts';
import { createStorage, cutOff, loseAnswer, PART, startServiceForClients, threeParts } from './service-for-clients.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How far the service's clock is off. */
let skewMs = 0;
let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({ now: () => new Date(Date.now() + skewMs) });
});
afterAll(() => host.close());

/** Whether the object holds exactly the bytes of the file. (Matchers take half a minute over buffers of this size.) */
const holds = async (objectKey: string, file: Blob) => {
  const bytes = await host.service.bucket.read(objectKey);
  return bytes?.equals(Buffer.from(await file.arrayBuffer()));
};

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** Pauses an upload in the moment it sends the given request: what a closed page looks like from outside. */
function createPause(at: string) {
  let pause: (() => void) | undefined;
  let onPaused = () => {};
  const paused = new Promise<void>((resolve) => {
    onPaused = resolve;
  });
  return {
    paused,
    follow: (upload: Upload) => {
      pause = upload.pause;
      return upload;
    },
    interfere: ({ what }: { what: string }, send: () => Promise<Response>) => {
      if (what === at) {
        pause?.();
        // Only the first time.
        pause = undefined;
        onPaused();
      }
      return send();
    },
  };
}

describe('a file in parts', () => {
  it('is put together in the bucket', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    const progress: Progress[] = [];
    const stored = await client.upload(file, { onProgress: (each) => progress.push(each) });
    expect(stored).toMatchObject({ fileName: 'film.bin', size: file.size, checksumSha256: null });
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(progress[0]).toEqual({ sentBytes: 0, totalBytes: file.size });
    expect(progress.at(-1)).toEqual({ sentBytes: file.size, totalBytes: file.size });
  });

  it('is hashed part by part where that is wanted, and the bucket holds each against its own', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    const stored = await client.upload(file, { checksum: true });
    const whole = Buffer.from(await file.arrayBuffer());
    const hashes = [0, 1, 2].map((part) => sha256(whole.subarray(part * PART, (part + 1) * PART)));
    expect(stored.checksumSha256).toBe(`${sha256(Buffer.concat(hashes)).toString('base64')}-3`);
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(client.count('POST /presign-parts')).toBe(3);
  });

  it('fails where a hashed part changes on its way', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    // A disk that gives other bytes the second time it is read.
    const slice = file.slice.bind(file);
    let reads = 0;
    file.slice = (start = 0, end) => (start === PART && ++reads === 2 ? slice(0, PART) : slice(start, end));
    await expect(client.upload(file, { checksum: true })).rejects.toMatchObject({
      code: 'bucket-refused',
      detail: 'the bucket answered 400 BadDigest',
    });
  });

  it.each([1, 2])('has at most %i of them on their way at once', async (parallelParts) => {
    let onTheirWay = 0;
    let most = 0;
    const client = await host.client('alice', { parallelParts }, async ({ what }, send) => {
      if (!what.startsWith('PUT')) return send();
      most = Math.max(most, ++onTheirWay);
      return send().finally(() => onTheirWay--);
    });
    await client.upload(threeParts());
    expect(most).toBe(parallelParts);
  });

  it('sends no part again that has arrived, though its answer was lost', async () => {
    const client = await host.client('alice', {}, ({ what }, send) =>
      what === 'PUT 2' && client.count(what) === 1 ? loseAnswer(send) : send(),
    );
    await client.upload(threeParts());
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(client.count('POST /list-parts')).toBe(1);
    expect(client.delaysMs).toHaveLength(1);
  });

  it('sends a part again that got lost, with a new URL', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      if (what === 'PUT 2' && client.count(what) === 1) throw new TypeError('fetch failed');
      return send();
    });
    await client.upload(threeParts());
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 2, 1]);
    expect([client.count('POST /list-parts'), client.count('POST /presign-parts')]).toEqual([1, 1]);
  });

  it('gets new URLs when the bucket calls the old ones expired', async () => {
    const client = await host.client('alice', { parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 1') skewMs = 0;
      return send();
    });
    skewMs = -HOUR_MS;
    expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([2, 1, 1]);
    expect(client.count('POST /presign-parts')).toBe(1);
  });

  it('does not send to URLs that are too old by now', async () => {
    let nowMs = 0;
    const client = await host.client('alice', { now: () => nowMs, parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 1') nowMs += HOUR_MS;
      return send();
    });
    await client.upload(threeParts());
    expect(client.sent.indexOf('POST /presign-parts')).toBeLessThan(client.sent.indexOf('PUT 2'));
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
  });

  it('is confirmed also where the bucket does not let the page read ETags', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      const response = await send();
      return what.startsWith('PUT') ? new Response(null, { status: response.status }) : response;
    });
    expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
  });

  it('stays two files when it is uploaded twice at once', async () => {
    const client = await host.client('alice', { storage: createStorage() });
    const [one, two] = await Promise.all([client.upload(threeParts()), client.upload(threeParts())]);
    expect(one.fileId).not.toBe(two.fileId);
    expect(client.count('POST /presign-upload')).toBe(2);
  });
});

describe('a paused upload', () => {
  it('sends nothing until it goes on, and then only what is missing', async () => {
    const { paused, interfere, follow } = createPause('PUT 2');
    const client = await host.client('alice', { parallelParts: 1 }, interfere);
    const file = threeParts();
    const upload = follow(client.upload(file));
    await paused;
    const sent = [...client.sent];
    upload.resume();
    expect(await holds((await upload).objectKey, file)).toBe(true);
    expect(sent).not.toContain('PUT 3');
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 2, 1]);
  });

  it('leaves its place to the next file', async () => {
    const { paused, interfere, follow } = createPause('PUT whole');
    const client = await host.client('alice', { parallelFiles: 1 }, interfere);
    const waiting = follow(client.upload(new Blob(['one'])));
    await paused;
    expect(await client.upload(new Blob(['two!']))).toMatchObject({ size: 4 });
    waiting.resume();
    expect(await waiting).toMatchObject({ size: 3 });
  });

  it('may go on at once', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      if (what === 'PUT 2' && client.count(what) === 1) {
        upload.pause();
        upload.resume();
      }
      return send();
    });
    const file = threeParts();
    const upload = client.upload(file);
    expect(await upload).toMatchObject({ size: file.size });
    expect(client.count('POST /presign-upload')).toBe(1);
  });
});

describe('a page that was reloaded', () => {
  /** A page that is closed when the first part has arrived. */
  const closePage = async (storage: Storage, file: File) => {
    const { paused, interfere, follow } = createPause('PUT 2');
    const page = await host.client('alice', { storage, parallelParts: 1 }, interfere);
    follow(page.upload(file));
    await paused;
  };

  it('goes on with the same file where the last one was', async () => {
    const storage = createStorage();
    await closePage(storage, threeParts());
    expect(storage.length).toBe(1);

    const page = await host.client('alice', { storage });
    const progress: Progress[] = [];
    const file = threeParts();
    const stored = await page.upload(file, { onProgress: (each) => progress.push(each) });
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect([page.count('POST /presign-upload'), page.count('PUT 1')]).toEqual([0, 0]);
    expect(progress[0]?.sentBytes).toBeGreaterThanOrEqual(PART);
    expect(storage.length).toBe(0);
  });

  it('goes on with the hashes it began with, and begins anew where they are wanted only now', async () => {
    const storage = createStorage();
    const { paused, interfere, follow } = createPause('PUT 2');
    const first = await host.client('alice', { storage, parallelParts: 1 }, interfere);
    follow(first.upload(threeParts(), { checksum: true }));
    await paused;
    const page = await host.client('alice', { storage });
    expect((await page.upload(threeParts(), { checksum: true })).checksumSha256).toMatch(/=-3$/);
    expect(page.count('PUT 1')).toBe(0);

    await closePage(storage, threeParts());
    const other = await host.client('alice', { storage });
    expect((await other.upload(threeParts(), { checksum: true })).checksumSha256).toMatch(/=-3$/);
    expect(other.count('PUT 1')).toBe(1);
  });

  it('does not take another file for it that has the same name, size and date', async () => {
    const storage = createStorage();
    await closePage(storage, threeParts('signpost '));
    const page = await host.client('alice', { storage });
    const other = threeParts('Signpost ');
    const stored = await page.upload(other);
    expect(await holds(stored.objectKey, other)).toBe(true);
    expect(page.count('POST /list-parts')).toBe(0);
    const same = await page.upload(threeParts('signpost '), { recordId: 'another-case' });
    expect(same.recordId).toBe('another-case');
    expect(page.count('POST /list-parts')).toBe(0);
  });

  it('learns that the file is stored when only the answer was lost', async () => {
    const storage = createStorage();
    const first = await host.client('alice', { storage, maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /confirm-upload' ? loseAnswer(send) : send(),
    );
    await expect(first.upload(threeParts())).rejects.toMatchObject({ code: 'network-error' });
    const page = await host.client('alice', { storage });
    expect(await page.upload(threeParts())).toMatchObject({ status: 'active' });
    expect(page.sent).toEqual(['POST /list-parts', 'POST /confirm-upload']);
    expect(storage.length).toBe(0);
  });

  it('goes on after a failure as well', async () => {
    const storage = createStorage();
    const first = await host.client('alice', { storage, maxAttempts: 2, parallelParts: 1 }, ({ what }, send) =>
      what === 'PUT 3' ? cutOff() : send(),
    );
    await expect(first.upload(threeParts())).rejects.toMatchObject({ code: 'network-error' });
    const page = await host.client('alice', { storage });
    await page.upload(threeParts());
    expect(page.sent).toEqual(['POST /list-parts', 'POST /presign-parts', 'PUT 3', 'POST /confirm-upload']);
  });

  it.each([
    ['was aborted elsewhere', 'alice'],
    ["is another user's", 'bob'],
  ])('starts anew when the old upload %s', async (_, user) => {
    const storage = createStorage();
    await closePage(storage, threeParts());
    const { objectKey, uploadId } = JSON.parse(storage.getItem(storage.key(0) ?? '') ?? '');
    if (user === 'alice') await host.service.call('alice', '/abort-upload', { objectKey, uploadId });
    const page = await host.client(user, { storage });
    const stored = await page.upload(threeParts());
    expect(stored.objectKey).not.toBe(objectKey);
    expect(stored.objectKey).toMatch(new RegExp(`^${user}/`));
    expect(page.count('PUT 1')).toBe(1);
  });

  it('forgets uploads after 7 days, and what is no upload at all', async () => {
    const storage = createStorage();
    await closePage(storage, threeParts());
    storage.setItem('signpost:broken', '{');
    storage.setItem('somebody-elses', '{');
    const almost = await host.client('alice', { storage, now: () => Date.now() + 7 * DAY_MS - HOUR_MS });
    await almost.upload(threeParts('other'));
    expect([...Array(storage.length).keys()].map((index) => storage.key(index))).toHaveLength(2);
    const later = await host.client('alice', { storage, now: () => Date.now() + 7 * DAY_MS + 1 });
    await later.upload(threeParts());
    expect(later.count('POST /list-parts')).toBe(0);
    expect(storage.length).toBe(1);
    expect(storage.getItem('somebody-elses')).toBe('{');
  });

  it('uploads all the same where nothing can be stored', async () => {
    const full: Storage = {
      ...createStorage(),
      length: 0,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
    };
    const page = await host.client('alice', { storage: full });
    expect(await page.upload(threeParts())).toMatchObject({ status: 'active' });
  });
});

describe('an aborted upload', () => {
  it('leaves nothing in the bucket and in the storage', async () => {
    const storage = createStorage();
    const { paused, interfere, follow } = createPause('PUT 2');
    const client = await host.client('carol', { storage, parallelParts: 1 }, interfere);
    const upload = follow(client.upload(threeParts()));
    const failed = expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await paused;
    expect(await host.openUploads('carol')).toBe(1);
    await upload.abort();
    await failed;
    expect(await host.openUploads('carol')).toBe(0);
    expect(storage.length).toBe(0);
  });

  it('rejects with the reason of its signal', async () => {
    const controller = new AbortController();
    const client = await host.client('carol', {}, ({ what }, send) => {
      if (what === 'PUT 2') controller.abort();
      return send();
    });
    const upload = client.upload(threeParts(), { signal: controller.signal });
    const error = await upload.catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(error).toBe(controller.signal.reason);
    await upload.abort();
    expect(await host.openUploads('carol')).toBe(0);
  });

  it('does nothing at all when its signal was aborted before', async () => {
    const client = await host.client('carol');
    const upload = client.upload(threeParts(), { signal: AbortSignal.abort('no') });
    await expect(upload).rejects.toBe('no');
    await upload.abort();
    expect(client.sent).toEqual([]);
  });

  it('removes a file in one piece that has arrived', async () => {
    const client = await host.client('carol', {}, async ({ what }, send) => {
      const response = await send();
      if (what === 'PUT whole') void upload.abort();
      return response;
    });
    const upload = client.upload(new Blob(['whole']));
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await upload.abort();
    expect(await client.stored()).toEqual([null]);
  });

  it('remains a file once it is one', async () => {
    const client = await host.client('carol');
    const upload = client.upload(new Blob(['kept']));
    await upload;
    await upload.abort();
    expect(await client.stored()).toEqual(['kept']);
    expect(client.count('POST /abort-upload')).toBe(0);
  });

  it('rejects also when the service cannot be told', async () => {
    const client = await host.client('carol', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /abort-upload' ? cutOff() : send(),
    );
    const upload = client.upload(threeParts(), {
      onProgress: ({ sentBytes }) => sentBytes > 0 && void upload.abort(),
    });
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await expect(upload.abort()).resolves.toBeUndefined();
  });
});

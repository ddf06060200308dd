import { describe, expect, it } from 'vitest';
import type { Progress, SignpostOptions, Upload } from '../../src/client/create-signpost.ts';
import { withKeys } from '../../src/client/encryption/with-keys.ts';
import { holds, host } from './parts-service.ts';
import { createStorage, cutOff, type Interference, PART, threeParts } from './service-for-clients.ts';

/** Node has locks since 24.5; elsewhere every page uploads for itself. */
const HAS_LOCKS = globalThis.navigator?.locks !== undefined;

/** Two pages of one user, and a way to stop the first of them at its second part. */
const openPages = async (user: string, options: Partial<SignpostOptions> = {}, interfere?: Interference) => {
  const storage = createStorage();
  let meet = () => {};
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const one = await host.client(user, { storage, parallelParts: 1, ...options }, async (sent, send) => {
    if (sent.what === 'PUT 2') {
      meet();
      await gate;
    }
    return interfere ? interfere(sent, send) : send();
  });
  const two = await host.client(user, { storage, parallelParts: 1, ...options });
  const count = (what: string) => one.count(what) + two.count(what);
  return { one, two, met, goOn, count };
};

/** Waits until the second page follows the first, or has its own upload under way. */
const isUnderWay = (upload: Upload) => expect.poll(() => upload.state.status).toMatch(/uploading|confirming|done/);

describe('the same file in two pages', () => {
  it('is one upload, whose progress and file the second page gets', async () => {
    const { one, two, met, goOn, count } = await openPages('ann');
    const first = one.upload(threeParts());
    await met;
    const progress: Progress[] = [];
    const second = two.upload(threeParts(), { onProgress: (each) => progress.push(each) });
    await isUnderWay(second);
    if (HAS_LOCKS) await expect.poll(() => progress.at(-1)?.sentBytes).toBe(PART);
    goOn();
    const files = await Promise.all([first, second]);
    expect(new Set(files.map(({ fileId }) => fileId)).size).toBe(HAS_LOCKS ? 1 : 2);
    expect([count('PUT 1'), count('POST /presign-upload')]).toEqual(HAS_LOCKS ? [1, 1] : [2, 2]);
    // The second page is not told what the file is: it asks the service.
    expect(two.count('POST /confirm-upload')).toBe(1);
    for (const { objectKey } of files) expect(await holds(objectKey, threeParts())).toBe(true);
    // Afterwards it is a new upload.
    expect((await two.upload(threeParts())).fileId).not.toBe(files[0]?.fileId);
  });

  it.each(['cancelled', 'paused'])('continues in the second page if the first one is %s', async (how) => {
    const { one, two, met, goOn, count } = await openPages(`bea-${how}`);
    const first = one.upload(threeParts());
    await met;
    const second = two.upload(threeParts());
    await isUnderWay(second);
    if (how === 'paused') first.pause();
    else await first.abort();
    goOn();
    const stored = await second;
    expect(await holds(stored.objectKey, threeParts())).toBe(true);
    // What the first page has sent is not lost.
    expect(count('PUT 1')).toBe(HAS_LOCKS ? 1 : 2);
    if (how === 'cancelled') return expect(await host.openUploads('bea-cancelled')).toBe(0);
    first.resume();
    expect((await first).fileId === stored.fileId).toBe(HAS_LOCKS);
  });

  it('continues in the first page if the second one is cancelled', async () => {
    const { one, two, met, goOn } = await openPages('cat');
    const first = one.upload(threeParts());
    await met;
    const second = two.upload(threeParts());
    await isUnderWay(second);
    await second.abort();
    expect(second.state.status).toBe('aborted');
    goOn();
    expect(await holds((await first).objectKey, threeParts())).toBe(true);
    expect(one.count('PUT 1')).toBe(1);
  });

  it('is cancelled in the page that has paused it, and continues in the other', async () => {
    const { one, two, met, goOn } = await openPages('dot');
    const first = one.upload(threeParts());
    await met;
    first.pause();
    goOn();
    const second = two.upload(threeParts());
    await isUnderWay(second);
    await first.abort();
    expect(await second).toMatchObject({ status: 'active' });
  });

  it('is tried by the second page if the first one fails', async () => {
    const { one, two, met, goOn } = await openPages('eva', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'PUT 3' ? cutOff() : send(),
    );
    const first = one.upload(threeParts());
    await met;
    const second = two.upload(threeParts());
    await isUnderWay(second);
    goOn();
    await expect(first).rejects.toMatchObject({ code: 'network-error' });
    expect(await second).toMatchObject({ status: 'active' });
  });

  it('does not follow another page while paused, and needs no free place', async () => {
    const { one, two, met, goOn } = await openPages('flo', { parallelFiles: 1 });
    const first = one.upload(threeParts());
    await met;
    const second = two.upload(threeParts());
    await isUnderWay(second);
    second.pause();
    // The paused one, and one that follows, leave the only place to others.
    expect(await two.upload(new Blob(['small']))).toMatchObject({ size: 5 });
    second.resume();
    goOn();
    expect((await first).size).toBe((await second).size);
  });
});

describe('the same file twice in one page', () => {
  it('is one upload as well, as when a component is mounted twice', async () => {
    const client = await host.client('joy', { storage: createStorage() });
    const [one, two] = await Promise.all([client.upload(threeParts()), client.upload(threeParts())]);
    expect(one.fileId === two.fileId).toBe(HAS_LOCKS);
    expect(client.count('POST /presign-upload')).toBe(HAS_LOCKS ? 1 : 2);
  });
});

describe('another upload', () => {
  const key = { id: 'k1', key: new Uint8Array(32).fill(7) };
  it.each([
    ['with another option', { recordId: 'another' }, {}],
    ['encrypted', { encryption: withKeys([key]) }, { encryption: withKeys([key]) }],
  ])('is sent by each page: %s', async (_, firstOptions, secondOptions) => {
    const { one, two, met, goOn } = await openPages('gil');
    const first = one.upload(threeParts(), firstOptions);
    await met;
    const stored = await two.upload(threeParts(), secondOptions);
    goOn();
    expect((await first).fileId).not.toBe(stored.fileId);
  });

  it('is sent by each page: of another user, without a storage, and as a blob that has no date', async () => {
    const { one, met, goOn } = await openPages('hal');
    const first = one.upload(threeParts());
    await met;
    const other = await host.client('ian');
    expect((await other.upload(threeParts())).objectKey).toMatch(/^ian\//);
    const unshared = await host.client('hal', { storage: null });
    const own = await unshared.upload(threeParts());
    goOn();
    expect((await first).fileId).not.toBe(own.fileId);
    const undated = new Blob([threeParts()]);
    const page = await host.client('hal', { storage: createStorage() });
    const blobs = await Promise.all([page.upload(undated), page.upload(undated)]);
    expect(new Set(blobs.map(({ fileId }) => fileId)).size).toBe(2);
  });
});

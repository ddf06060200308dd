import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/client/create-signpost.ts';
import { createPause, DAY_MS, HOUR_MS, holds, host } from './parts-service.ts';
import { createStorage, cutOff, loseAnswer, PART, threeParts } from './service-for-clients.ts';

describe('a paused upload', () => {
  it('sends nothing until it is resumed, and then only what is missing', async () => {
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

  it('lets the next file start', async () => {
    const { paused, interfere, follow } = createPause('PUT whole');
    const client = await host.client('alice', { parallelFiles: 1 }, interfere);
    const waiting = follow(client.upload(new Blob(['one'])));
    await paused;
    expect(await client.upload(new Blob(['two!']))).toMatchObject({ size: 4 });
    waiting.resume();
    expect(await waiting).toMatchObject({ size: 3 });
  });

  it('can be resumed at once', async () => {
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

  it('resumes the same file where the earlier page had stopped', async () => {
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

  it('resumes with checksums as it began, and begins anew if they are requested only now', async () => {
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

  it('does not resume with another file of the same name, size and date', async () => {
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

  it('resumes after a failure, too', async () => {
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

  it('forgets uploads after 7 days, and ignores malformed entries', async () => {
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

  it('uploads even if nothing can be stored', async () => {
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

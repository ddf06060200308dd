import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page as BrowserPage } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleDocs, FRAMEWORKS, type Page } from './bundle-docs.ts';
import { type Mounted, startMounted } from './start-mounted.ts';

let host: Mounted;
/** The app has a session of its own. */
beforeAll(async () => {
  host = await startMounted({
    maxUploadBytes: 20_000_000,
    authorize: (request) => {
      const [, userId] = /user=(\w+)/.exec(request.headers.get('cookie') ?? '') ?? [];
      const maxBytes = userId === 'queue_several' ? undefined : 1000;
      return userId === undefined ? null : { userId, limits: { maxBytes } };
    },
    addPages: (app) => {
      const bundles = new Map<string, Promise<string>>();
      app.get('/:page/main.js', async (c) => {
        const name = c.req.param('page') as Page;
        const bundle = bundles.get(name) ?? bundleDocs(name);
        bundles.set(name, bundle);
        return c.body(await bundle);
      });
      app.get('/:page', (c) => c.html(`<body></body><script src="${c.req.path}/main.js"></script>`));
    },
  });
});
afterAll(() => host.close());

const open = async (name: Page) => {
  const context = await host.browser.newContext();
  const userId = name.replace('-', '_');
  await context.addCookies([{ name: 'user', value: userId, url: host.url }]);
  const page = await context.newPage();
  await page.goto(`${host.url}/${name}`);
  return {
    page,
    input: page.locator('input[type=file]'),
    close: () => context.close(),
    stored: async () => (await host.signpost.files.list({ userId })).files.map(({ fileName }) => fileName).sort(),
  };
};
/** Drags files or folders of this disk over an element, and drops them. */
async function drop(page: BrowserPage, selector: string, files: string[]): Promise<void> {
  const { x, y } = (await page.locator(selector).boundingBox()) ?? { x: 0, y: 0 };
  const devtools = await page.context().newCDPSession(page);
  const event = { x: x + 5, y: y + 5, data: { items: [], files, dragOperationsMask: 1 } };
  await devtools.send('Input.dispatchDragEvent', { ...event, type: 'dragEnter' });
  await page.locator(`${selector}.over`).waitFor();
  await devtools.send('Input.dispatchDragEvent', { ...event, type: 'dragOver' });
  await devtools.send('Input.dispatchDragEvent', { ...event, type: 'drop' });
}

const fileOf = (name: string, size: number) => ({ name, mimeType: 'text/plain', buffer: Buffer.alloc(size, 'a') });

describe.each(FRAMEWORKS)('docs/%s.md', (name) => {
  it('uploads a file, and says why another is refused', async () => {
    const { page, input, stored, close } = await open(name);
    await input.setInputFiles(fileOf('large.txt', 1001));
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/1000/);
    await input.setInputFiles(fileOf('lease.txt', 1000));
    await page.getByText('lease.txt is stored').waitFor();
    expect(await stored()).toEqual(['lease.txt']);
    // A browser tells of a choice only if it is another one.
    expect(await input.inputValue()).toBe('');
    await close();
  });
});

describe.each(FRAMEWORKS)('docs/%s.md, in the middle of an upload', (name) => {
  it('pauses, goes on, and cancels', async () => {
    const { page, input, stored, close } = await open(name);
    let hold = () => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    // The bucket does not answer until the upload was paused.
    await page.route(`${host.bucket.endpoint}/**`, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await input.setInputFiles(fileOf('held.txt', 10));
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    hold();
    await page.getByText('held.txt is stored').waitFor();

    await page.unroute(`${host.bucket.endpoint}/**`);
    await page.route(`${host.bucket.endpoint}/**`, () => {});
    await input.setInputFiles(fileOf('unwanted.txt', 10));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(() => page.getByRole('progressbar').count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(await stored()).not.toContain('unwanted.txt');
    await close();
  });
});

describe.each(FRAMEWORKS)('docs/%s.md, many files', (name) => {
  it('uploads what is chosen, and folders that are dropped; lists and deletes what is stored', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signpost-drop-'));
    await mkdir(join(folder, 'photos/2026'), { recursive: true });
    await writeFile(join(folder, 'photos/2026/c.txt'), 'c');
    const { page, input, stored, close } = await open(`${name}-several`);
    await expect.poll(() => page.locator('li, ul > button').count()).toBe(0);
    await input.setInputFiles([fileOf('a.txt', 5), fileOf('large.txt', 1001), fileOf('b.txt', 7)]);
    const rows = page.locator('p');
    await expect
      .poll(async () => (await rows.allTextContents()).map((text) => text.trim().replace(/\s+/g, ' ')))
      .toEqual(['a.txt: done Remove', expect.stringMatching(/^large.txt: .*1000.* Remove$/), 'b.txt: done Remove']);

    await drop(page, 'section', [join(folder, 'photos')]);
    await page.getByText('c.txt: done').waitFor();
    expect(await page.locator('.over').count()).toBe(0);
    expect(await stored()).toEqual(['a.txt', 'b.txt', 'c.txt']);
    expect(await input.inputValue()).toBe('');
    await rows.filter({ hasText: 'a.txt' }).getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => rows.count()).toBe(3);

    await page.reload();
    await expect
      .poll(() => page.locator('li').allTextContents())
      .toEqual(['a.txt Delete', 'b.txt Delete', 'c.txt Delete']);
    await page.locator('li').filter({ hasText: 'b.txt' }).getByRole('button').click();
    await expect.poll(() => page.locator('li').count()).toBe(2);
    expect(await stored()).toEqual(['a.txt', 'c.txt']);
    await close();
    await rm(folder, { recursive: true });
  });
});

describe('docs/queue.md', () => {
  it('uploads each, and says what becomes of it', async () => {
    const { page, input, stored, close } = await open('queue');
    await input.setInputFiles([fileOf('a.txt', 5), fileOf('large.txt', 1001), fileOf('b.txt', 7)]);
    await expect
      .poll(() => page.locator('li').allTextContents())
      .toEqual([
        'a.txt: done, 5 of 5 bytes',
        expect.stringMatching(/^large.txt: .*1000.*, 0 of 1001/),
        'b.txt: done, 7 of 7 bytes',
      ]);
    expect(await stored()).toEqual(['a.txt', 'b.txt']);
    expect(await input.inputValue()).toBe('');
    await close();
  });
});

describe('docs/queue.md, over a reload', () => {
  it('goes on with small files and handles, asks for large ones, and leaves those of others', async () => {
    const { page, stored, close } = await open('queue-several');
    const items = (of = page) =>
      of.evaluate(
        `queue.getSnapshot().items.map(({ fileName, status, needs }) => [fileName, status, needs].join(' '))`,
      );
    const ids = (): Promise<string[]> =>
      page.evaluate(`new Promise((resolve) => {
        indexedDB.open('signpost-queue').onsuccess = ({ target: { result } }) => {
          const keys = result.transaction('files').objectStore('files').getAllKeys();
          keys.onsuccess = () => resolve(keys.result);
        };
      })`);
    const rows = async () => (await ids()).length;
    const large = `new File([new Uint8Array(17 * 2 ** 20)], 'large.bin', { lastModified: 2 })`;
    let isSilent = true;
    await page.route(`${host.bucket.endpoint}/**`, (route) => (isSilent ? undefined : route.continue()));
    await page.evaluate(`(async () => {
      const folder = await navigator.storage.getDirectory();
      const handle = await folder.getFileHandle('disk.txt', { create: true });
      const stream = await handle.createWritable();
      await stream.write('on disk');
      await stream.close();
      await queue.add([new File(['small'], 'small.txt', { lastModified: 1 }), ${large}, handle]);
      const [paused] = await queue.add(new File(['paused'], 'paused.txt', { lastModified: 4 }));
      queue.pause(paused);
      const x = { id: 'x', size: 1, file: new Blob(['x']), handle: null, url: '/uploads' };
      createQueueMemory({ owner: 'other' }).save(x);
    })()`);
    await expect.poll(rows).toBe(5);

    const second = await page.context().newPage();
    await second.route(`${host.bucket.endpoint}/**`, () => {});
    await second.goto(page.url());
    await second.evaluate(`queue.add(new File(['second'], 'second.txt', { lastModified: 3 }))`);
    await expect.poll(rows).toBe(6);
    expect(await items(second)).toHaveLength(1);
    await second.close();

    // What waits ends with its page. `unroute` would let it go on before.
    isSilent = false;
    await page.reload();
    await expect
      .poll(async () => ((await items()) as string[]).toSorted())
      .toEqual([
        'disk.txt done ',
        'large.bin paused file',
        'paused.txt paused ',
        'second.txt done ',
        'small.txt done ',
      ]);
    await page.evaluate(`queue.add(${large})`);
    await expect.poll(items).toContain('large.bin done ');
    await page.evaluate('queue.resume()');
    await expect.poll(items).toContain('paused.txt done ');
    expect(await items()).toHaveLength(5);
    expect(await stored()).toEqual(['disk.txt', 'large.bin', 'paused.txt', 'second.txt', 'small.txt']);
    await expect.poll(rows).toBe(1);
    const others = (url: string) =>
      page.evaluate(`createQueueMemory({ owner: 'other' }).load('${url}').then((files) => files.map(({ id }) => id))`);
    expect(await others('/other-service')).toEqual([]);
    expect(await others(`${host.url}/uploads`)).toEqual(['x']);

    await page.evaluate(`new Promise((resolve) => {
      indexedDB.open('signpost-queue').onsuccess = ({ target: { result } }) => {
        const files = result.transaction('files', 'readwrite').objectStore('files');
        files.put({ id: 'old', owner: 'other', file: new Blob(['old']), savedAtMs: Date.now() - 8 * 24 * 3600_000 });
        files.transaction.oncomplete = resolve;
      };
    })`);
    expect(await rows()).toBe(2);
    await page.evaluate(`(() => {
      window.memory = createQueueMemory({ owner: 'leaving' });
      memory.save({ id: 'mine', size: 1, file: new Blob(['m']), handle: null, url: '/uploads' });
    })()`);
    await expect.poll(ids).toEqual(['mine', 'x']);
    await page.evaluate('memory.clear()');
    expect(await ids()).toEqual(['x']);
    await close();
  });

  it('does not store a file twice that was being verified', async () => {
    const { page, stored, close } = await open('queue-several');
    const once = async () => (await stored()).filter((name) => name === 'once.txt');
    const remembered = () =>
      page.evaluate(`new Promise((resolve) => {
        indexedDB.open('signpost-queue').onsuccess = ({ target: { result } }) => {
          const rows = result.transaction('files').objectStore('files').getAll();
          rows.onsuccess = () => resolve(rows.result.map(({ objectKey }) => typeof objectKey).join());
        };
      })`);
    // The service confirms it, and its answer does not arrive. Without this route, the browser would send it again.
    let arrives = false;
    await page.route('**/confirm-upload', async (route) => void (await (arrives ? route.continue() : route.fetch())));
    await page.evaluate(`queue.add(new File(['once'], 'once.txt', { lastModified: 5 }))`);
    await expect.poll(once).toHaveLength(1);
    await expect.poll(remembered).toBe('string');
    arrives = true;
    await page.reload();
    await expect.poll(() => page.evaluate(`queue.getSnapshot().items.map(({ status }) => status).join()`)).toBe('done');
    expect(await once()).toHaveLength(1);
    await expect.poll(remembered).toBe('');
    await close();
  });
});

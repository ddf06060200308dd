import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, startPageHost } from './start-page.ts';
import { beginInServiceWorker, startWorkerApp } from './start-worker-app.ts';

const MIB = 1024 ** 2;

let host: PageHost;
let app: Awaited<ReturnType<typeof startWorkerApp>>;
beforeAll(async () => {
  host = await startPageHost();
  app = await startWorkerApp(host.url);
});
afterAll(async () => {
  await host.close();
  app.close();
});

/** The same file wherever it is made. */
const fileOf = (name: string) => `new File([new Uint8Array(20 * ${MIB})], '${name}', { lastModified: 1000 })`;

/** Begins to upload in the page, or in a worker of it: `news` has the bytes, and in the end the file. */
const begin = (page: Page, name: string, place: 'page' | 'worker' = 'page') => {
  const begun = `(async (origin, token, tell) => {
    const { createSignpost } = await import(origin + '/client.js');
    const signpost = createSignpost({ url: origin, token });
    const file = ${fileOf(name)};
    const onProgress = ({ sentBytes }) => tell({ sentBytes });
    const fail = (error) => tell({ error: String(error) });
    self.upload = signpost.upload(file, { onProgress });
    self.upload.then(({ fileId }) => tell({ fileId }), fail);
  })`;
  const worker = `onmessage = ({ data }) => ${begun}(data.origin, data.token, (news) => postMessage(news))`;
  return page.evaluate(`
    window.news = {};
    const tell = (next) => Object.assign(window.news, next);
    const { content: token } = document.querySelector('meta[name="signpost-token"]');
    if (${place === 'page'}) ${begun}(location.origin, token, tell);
    else {
      const blob = new Blob([${JSON.stringify(worker)}], { type: 'text/javascript' });
      const worker = new Worker(URL.createObjectURL(blob));
      worker.onmessage = ({ data }) => tell(data);
      worker.postMessage({ origin: location.origin, token });
    }`);
};
type News = { sentBytes?: number; fileId?: string; error?: string };
const newsOf = (page: Page) => page.evaluate('window.news') as Promise<News>;

/** Three pages of one browser. Their third part waits until `goOn`; `parts` has those that were sent. */
const openPages = async () => {
  const { page: first, context } = await host.openPage({ bypassCSP: true }, app.url);
  const parts: string[] = [];
  const held: Route[] = [];
  await context.route(/partNumber=/, async (route) => {
    if (route.request().method() === 'PUT') {
      const number = new URL(route.request().url()).searchParams.get('partNumber') ?? '';
      parts.push(number);
      if (number === '3' && held.push(route) === 1) return;
    }
    await route.continue();
  });
  const open = async (context: BrowserContext) => {
    const page = await context.newPage();
    await page.goto(app.url);
    return page;
  };
  const [second, third] = [await open(context), await open(context)];
  const isHeld = () => expect.poll(() => held.length).toBe(1);
  return { first, second, third, context, parts, isHeld, goOn: () => held[0]?.continue() };
};

describe('one file in two pages and a worker', () => {
  it('is sent once, and each of them gets the progress and the file', async () => {
    const { first, second, third, context, parts, isHeld, goOn } = await openPages();
    await begin(first, 'together.bin');
    await isHeld();
    await begin(second, 'together.bin');
    await begin(third, 'together.bin', 'worker');
    for (const page of [second, third]) {
      await expect.poll(async () => (await newsOf(page)).sentBytes).toBeGreaterThanOrEqual(16 * MIB);
    }
    await goOn();
    const ids = [];
    for (const page of [first, second, third]) {
      await expect.poll(() => newsOf(page)).toHaveProperty('fileId');
      ids.push((await newsOf(page)).fileId);
    }
    expect(new Set(ids).size).toBe(1);
    expect(parts.toSorted()).toEqual(['1', '2', '3']);
    await context.close();
  });

  it('goes on where it was when the page that sends it is closed', async () => {
    const { first, second, third, context, parts, isHeld } = await openPages();
    await begin(first, 'orphan.bin');
    await isHeld();
    await begin(second, 'orphan.bin');
    await begin(third, 'orphan.bin', 'worker');
    for (const page of [second, third]) {
      await expect.poll(async () => (await newsOf(page)).sentBytes).toBeGreaterThanOrEqual(16 * MIB);
    }
    await first.close();
    const ids = [];
    for (const page of [second, third]) {
      await expect.poll(() => newsOf(page)).toHaveProperty('fileId');
      ids.push((await newsOf(page)).fileId);
    }
    expect(new Set(ids).size).toBe(1);
    // Whether the third part of the closed page has arrived is the browser's affair.
    expect(parts.filter((part) => part !== '3').toSorted()).toEqual(['1', '2']);
    await context.close();
  });
});

describe('one file in a page and a service worker', () => {
  it('is sent once, and cancelling it in the page does no harm to the service worker', async () => {
    const { first, second, context, parts, isHeld } = await openPages();
    await begin(first, 'cancelled.bin');
    await isHeld();
    await second.evaluate(beginInServiceWorker(fileOf('cancelled.bin')));
    await expect.poll(async () => (await newsOf(second)).sentBytes).toBeGreaterThanOrEqual(16 * MIB);
    await first.evaluate('void upload.abort()');
    await expect.poll(() => newsOf(second)).toHaveProperty('fileId');
    expect((await newsOf(first)).error).toMatch(/^AbortError/);
    expect(parts.toSorted()).toEqual(['1', '2', '3', '3']);
    await context.close();
  });

  it('is sent by the service worker, and cancelling it in a page that follows does no harm', async () => {
    const { first, second, context, parts, isHeld, goOn } = await openPages();
    await first.evaluate(beginInServiceWorker(fileOf('kept.bin')));
    await isHeld();
    await begin(second, 'kept.bin');
    await expect.poll(async () => (await newsOf(second)).sentBytes).toBeGreaterThanOrEqual(16 * MIB);
    await second.evaluate('void upload.abort()');
    await expect.poll(async () => (await newsOf(second)).error).toMatch(/^AbortError/);
    await goOn();
    await expect.poll(() => newsOf(first)).toHaveProperty('fileId');
    expect(parts.toSorted()).toEqual(['1', '2', '3']);
    await context.close();
  });
});

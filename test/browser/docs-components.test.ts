import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { build } from 'esbuild';
import { Hono } from 'hono';
import type { Browser, Page as BrowserPage } from 'playwright-core';
import { compile } from 'svelte/compiler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileScript, parse } from 'vue/compiler-sfc';
import { createSignpost, type Signpost } from '../../src/index.ts';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { compileSolid } from './compile-solid.mjs';
import { launchChromium } from './launch-chromium.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const asVue = (source: string) =>
  compileScript(parse(source).descriptor, { id: 'upload', inlineTemplate: true }).content;
const asSvelte = (source: string) => compile(source, { generate: 'client', css: 'injected' }).js.code;

/** A page of components in JSX: it draws those that are named. */
const jsx = (compile: (source: string) => string | Promise<string>, draw: string) => ({
  ...{ language: 'jsx', compile },
  main: (components: string[]) => `import * as all from 'component'; ${draw.replace('$', components.join())}`,
});
const DRAW_REACT = `import { createElement } from 'react'; import { createRoot } from 'react-dom/client';
  const root = document.body.appendChild(document.createElement('main'));
  createRoot(root).render([$].map((name) => createElement(all[name], { key: name })));`;
const DRAW_SOLID = `import { createComponent, render } from 'solid-js/web';
  render(() => [$].map((name) => createComponent(all[name], {})), document.body);`;

/** For each page: the language of its components, how they are compiled, and how they are drawn. */
const PAGES = {
  react: jsx((source) => source, DRAW_REACT),
  vue: {
    ...{ language: 'vue', compile: asVue },
    main: () =>
      `import { createApp } from 'vue'; import Upload from 'component'; createApp(Upload).mount(document.body);`,
  },
  svelte: {
    ...{ language: 'svelte', compile: asSvelte },
    main: () =>
      `import { mount } from 'svelte'; import Upload from 'component'; mount(Upload, { target: document.body });`,
  },
  solid: jsx(compileSolid, DRAW_SOLID),
  queue: {
    ...{ language: 'html', compile: (source: string) => `document.body.innerHTML = ${JSON.stringify(source)};` },
    main: () => `import 'component'; import './signpost.js';`,
  },
};

/** The module of each entry of the package. */
const ENTRIES: Record<string, string> = {
  client: 'create-signpost',
  queue: 'queue/create-upload-queue',
  ...{ react: 'hooks/react', vue: 'hooks/vue', svelte: 'hooks/svelte', solid: 'hooks/solid' },
};

const FRAMEWORKS = ['react', 'vue', 'svelte', 'solid'] as const;
type Name = keyof typeof PAGES;
/** The page's first component, or its second, for several files. */
type Page = Name | `${Name}-several`;

/** The page's code as an app would bundle it. */
async function bundle(page: Page): Promise<string> {
  const [name, several] = page.split('-') as [Name, string?];
  const { language, compile, main } = PAGES[name];
  const text = await readFile(`${ROOT}/docs/${name}.md`, 'utf8');
  const index = several === undefined ? 0 : 1;
  const blockOf = (of: string) =>
    [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === of)[index]?.[2] ?? '';
  const component = blockOf(language);
  const names = [...component.matchAll(/^export function (\w+)/gm)].map(([, name]) => `'${name}'`);
  const sources = new Map([
    ['main', main(names)],
    ['./signpost.js', blockOf('js')],
    ['component', await compile(component)],
  ]);
  const { outputFiles } = await build({
    entryPoints: ['main'],
    ...{ bundle: true, write: false, format: 'iife', jsx: 'automatic', logLevel: 'silent' },
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [
      {
        name: 'the page’s blocks',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /.*/ }, ({ path }) => (sources.has(path) ? { path, namespace: 'docs' } : undefined));
          onResolve({ filter: /^signpost\// }, ({ path }) => ({
            path: `${ROOT}/src/client/${ENTRIES[path.replace('signpost/', '')]}.ts`,
          }));
          onLoad({ filter: /.*/, namespace: 'docs' }, ({ path }) => ({
            ...{ contents: sources.get(path) ?? '', loader: 'jsx', resolveDir: ROOT },
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
}

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let signpost: Signpost;
let server: Server;
let url: string;
let browser: Browser;
/** An app with a session of its own, on whose origin the service is mounted. */
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
  signpost = createSignpost({
    settings: { ...bucket.env, DATABASE_URL: database.url, MAX_UPLOAD_BYTES: 1000, JOBS_INTERVAL_SECONDS: 0 },
    authorize: (request) => {
      const [, userId] = /user=(\w+)/.exec(request.headers.get('cookie') ?? '') ?? [];
      return userId === undefined ? null : { userId };
    },
  });
  const app = new Hono().mount('/uploads', signpost.fetch);
  app.get('/:page/main.js', async (c) => c.body(await bundle(c.req.param('page') as Page)));
  app.get('/:page', (c) => c.html(`<body></body><script src="${c.req.path}/main.js"></script>`));
  server = createAdaptorServer({ fetch: app.fetch }) as Server;
  url = await listen(server);
  await setUpBucket(bucket.client, bucket.name, [url]);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  server.close();
  server.closeAllConnections();
  await signpost.close();
  await database.drop();
  await bucket.close();
});

const open = async (name: Page) => {
  const context = await browser.newContext();
  const userId = name.replace('-', '_');
  await context.addCookies([{ name: 'user', value: userId, url }]);
  const page = await context.newPage();
  await page.goto(`${url}/${name}`);
  return {
    ...{ page, input: page.locator('input[type=file]'), close: () => context.close() },
    stored: async () => (await signpost.files.list({ userId })).files.map(({ fileName }) => fileName).sort(),
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
    await page.route(`${bucket.endpoint}/**`, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await input.setInputFiles(fileOf('held.txt', 10));
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    hold();
    await page.getByText('held.txt is stored').waitFor();

    await page.unroute(`${bucket.endpoint}/**`);
    await page.route(`${bucket.endpoint}/**`, () => {});
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
      .toEqual([
        ...['a.txt: done Remove', expect.stringMatching(/^large.txt: .*1000.* Remove$/), 'b.txt: done Remove'],
      ]);

    await drop(page, 'section', [join(folder, 'photos')]);
    await page.getByText('c.txt: done').waitFor();
    expect(await page.locator('.over').count()).toBe(0);
    expect(await stored()).toEqual(['a.txt', 'b.txt', 'c.txt']);
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
        ...['a.txt: done, 5 of 5 bytes', expect.stringMatching(/^large.txt: .*1000.*, 0 of 1001/)],
        'b.txt: done, 7 of 7 bytes',
      ]);
    expect(await stored()).toEqual(['a.txt', 'b.txt']);
    await close();
  });
});

import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { build } from 'esbuild';
import { Hono } from 'hono';
import type { Browser } from 'playwright-core';
import { compile } from 'svelte/compiler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileScript, parse } from 'vue/compiler-sfc';
import { createSignpost, type Signpost } from '../../src/index.ts';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { launchChromium } from './launch-chromium.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const asVue = (source: string) =>
  compileScript(parse(source).descriptor, { id: 'upload', inlineTemplate: true }).content;
const asSvelte = (source: string) => compile(source, { generate: 'client', css: 'injected' }).js.code;

const react = (component: string) => ({
  ...{ language: 'jsx', compile: (source: string) => source },
  main: `import { createElement } from 'react'; import { createRoot } from 'react-dom/client';
    import { ${component} } from 'component'; createRoot(document.body).render(createElement(${component}));`,
});

/** For each page: the language of its components, how they are compiled, and how one is drawn. */
const PAGES = {
  react: react('Upload'),
  'react-several': react('UploadAll'),
  vue: {
    ...{ language: 'vue', compile: asVue },
    main: `import { createApp } from 'vue'; import Upload from 'component'; createApp(Upload).mount(document.body);`,
  },
  svelte: {
    ...{ language: 'svelte', compile: asSvelte },
    main: `import { mount } from 'svelte'; import Upload from 'component'; mount(Upload, { target: document.body });`,
  },
  queue: {
    ...{ language: 'html', compile: (source: string) => `document.body.innerHTML = ${JSON.stringify(source)};` },
    main: `import 'component'; import './signpost.js';`,
  },
};

/** The module of each entry of the package. */
const ENTRIES: Record<string, string> = {
  client: 'create-signpost',
  queue: 'queue/create-upload-queue',
  react: 'use-upload',
};

type Page = keyof typeof PAGES;

/** The page's code as an app would bundle it. */
async function bundle(page: Page): Promise<string> {
  const { language, compile, main } = PAGES[page];
  const [name = '', several] = page.split('-');
  const text = await readFile(`${ROOT}/docs/${name}.md`, 'utf8');
  const blocks = (of: string) => [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === of);
  const sources = new Map([
    ['main', main],
    ['./signpost.js', blocks('js')[0]?.[2] ?? ''],
    ['component', compile(blocks(language)[several === undefined ? 0 : 1]?.[2] ?? '')],
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
const fileOf = (name: string, size: number) => ({ name, mimeType: 'text/plain', buffer: Buffer.alloc(size, 'a') });

describe.each(['react', 'vue', 'svelte'] as const)('docs/%s.md', (name) => {
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

describe.each(['react', 'vue', 'svelte'] as const)('docs/%s.md, in the middle of an upload', (name) => {
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

describe('docs/react.md, several files', () => {
  it('uploads each, whatever becomes of the others', async () => {
    const { page, input, stored, close } = await open('react-several');
    await input.setInputFiles([fileOf('a.txt', 5), fileOf('large.txt', 1001), fileOf('b.txt', 7)]);
    await page.getByText('b.txt is stored').waitFor();
    expect(await page.locator('p').allTextContents()).toEqual([
      ...['a.txt is stored', expect.stringMatching(/1000/), 'b.txt is stored'],
    ]);
    expect(await stored()).toEqual(['a.txt', 'b.txt']);
    await close();
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

import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSignpost, type Signpost } from '../../src/index.ts';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { launchChromium } from './launch-chromium.ts';

const BASE_PATH = '/uploads';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let signpost: Signpost;
let servers: Server[];
let page: Page;
let browser: Browser;
/** The page's origin, and where the service is: on another one. */
let app: string;
let service: string;
let html = '';
beforeAll(async () => {
  [bucket, database, browser] = await Promise.all([startTestBucket(), createTestDatabase(), launchChromium()]);
  const pages = new Hono().get('/', (c) => c.html(html)).get('/token', (c) => c.text('ada'));
  servers = [pages, new Hono().mount(BASE_PATH, (request) => signpost.fetch(request))].map(
    ({ fetch }) => createAdaptorServer({ fetch }) as Server,
  );
  const [at = '', other = ''] = await Promise.all(servers.map((server) => listen(server)));
  [app, service] = [at, other + BASE_PATH];
  signpost = createSignpost({
    settings: {
      ...{ ...bucket.env, DATABASE_URL: database.url, JOBS_INTERVAL_SECONDS: 0 },
      ...{ ALLOWED_ORIGINS: app, MAX_UPLOAD_BYTES: 20_000_000, ALLOWED_CONTENT_TYPES: 'text/plain,image/*' },
    },
    authorize: (request) => {
      const userId = request.headers.get('authorization')?.replace('Bearer ', '');
      return userId === undefined ? null : { userId };
    },
  });
  await setUpBucket(bucket.client, bucket.name, [app]);
  page = await browser.newPage();
});
afterAll(async () => {
  await browser.close();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await signpost.close();
  await database.drop();
  await bucket.close();
});

/** The page of the documentation that is HTML. */
async function open(name: string): Promise<void> {
  const text = await readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
  const [, block = ''] = /^```html\n(.*?)^```$/ms.exec(text) ?? [];
  html = block.replaceAll('https://files.example.com', service);
  await page.goto(app);
}

const fileOf = (name: string, size: number) => ({ name, mimeType: 'text/plain', buffer: Buffer.alloc(size, 'a') });

describe('docs/sdk.md, without a bundler', () => {
  it('uploads from a page of another origin, and says why a file is refused', async () => {
    await open('sdk');
    await page.locator('input').setInputFiles(fileOf('large.txt', 20_000_001));
    await expect.poll(() => page.locator('output').textContent()).toMatch(/20000000/);
    await page.locator('input').setInputFiles(fileOf('a.txt', 1000));
    await page.getByText('a.txt is stored').waitFor();
    expect((await signpost.files.list({ userId: 'ada' })).files).toMatchObject([{ fileName: 'a.txt', size: 1000 }]);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
/** What the form has sent. */
let sent: string[] = [];
let picture: Buffer;
beforeAll(async () => {
  [bucket, database, browser] = await Promise.all([startTestBucket(), createTestDatabase(), launchChromium()]);
  const pages = new Hono().get('/', (c) => c.html(html)).get('/token', (c) => c.text('ada'));
  pages.post('/claims', async (c) => {
    sent = (await c.req.formData()).getAll('photos').map(String);
    return c.text('sent');
  });
  servers = [pages, new Hono().mount(BASE_PATH, (request) => signpost.fetch(request))].map(
    ({ fetch }) => createAdaptorServer({ fetch }) as Server,
  );
  const [at = '', other = ''] = await Promise.all(servers.map((server) => listen(server)));
  [app, service] = [at, other + BASE_PATH];
  signpost = createSignpost({
    settings: {
      ...bucket.env,
      DATABASE_URL: database.url,
      JOBS_INTERVAL_SECONDS: 0,
      ALLOWED_ORIGINS: app,
      MAX_UPLOAD_BYTES: 2_000_000,
      ALLOWED_CONTENT_TYPES: 'text/plain,image/*',
    },
    authorize: (request) => {
      const userId = request.headers.get('authorization')?.replace('Bearer ', '');
      return userId === undefined ? null : { userId };
    },
  });
  await setUpBucket(bucket.client, bucket.name, [app]);
  const blank = await browser.newPage();
  picture = await blank.screenshot();
  await blank.close();
});
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(() => page.close());
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
const pictureOf = (name: string) => ({ name, mimeType: 'image/png', buffer: picture });

describe('docs/sdk.md, without a bundler', () => {
  it('uploads from a page of another origin, and says why a file is refused', async () => {
    await open('sdk');
    await page.locator('input').setInputFiles(fileOf('large.txt', 2_000_001));
    await expect.poll(() => page.locator('output').textContent()).toMatch(/2000000/);
    await page.locator('input').setInputFiles(fileOf('a.txt', 1000));
    await page.getByText('a.txt is stored').waitFor();
    expect((await signpost.files.list({ userId: 'ada' })).files).toMatchObject([{ fileName: 'a.txt', size: 1000 }]);
  });
});

describe('<signpost-uploader>', () => {
  const uploader = () => page.locator('signpost-uploader');
  const choose = (...files: ReturnType<typeof pictureOf>[]) =>
    uploader().locator('input[type=file]').first().setInputFiles(files);
  const item = (name: string) => uploader().getByRole('listitem').filter({ hasText: name });
  const button = (name: string) => uploader().getByRole('button', { name });
  const submit = () => page.getByRole('button', { name: 'Send' }).click();
  const inside = (code: string) => page.evaluate(`document.querySelector('signpost-uploader').shadowRoot.${code}`);
  const focused = () => inside('activeElement.ariaLabel');
  const complaint = () =>
    page.evaluate(`(() => {
    const form = document.querySelector('form');
    return form.checkValidity() ? '' : document.querySelector('signpost-uploader').validationMessage;
  })()`);

  it('tells the limits before a choice, uploads, and its form sends the ids', async () => {
    await open('element');
    await uploader().getByText('Up to 2').waitFor();
    expect(await uploader().locator('input[type=file]').first().getAttribute('accept')).toBe('image/*');
    expect(await complaint()).toBe('Add a file.');
    await choose(pictureOf('a.png'), pictureOf('b.png'));
    await item('a.png').getByText('Uploaded').waitFor();
    await item('b.png').getByText('Uploaded').waitFor();
    expect(await inside('querySelector("img").decode().then(() => "a picture")')).toBe('a picture');
    expect(await complaint()).toBe('');
    await submit();
    await page.getByText('sent').waitFor();
    const { files } = await signpost.files.list({ userId: 'ada' });
    const ofCase = files.filter(({ recordId }) => recordId === 'case-42').map(({ fileId }) => fileId);
    expect([ofCase.length, sent.toSorted()]).toEqual([2, ofCase.toSorted()]);
  });

  it('pauses, resumes, retries and removes, also without a mouse, and its form waits', async () => {
    await open('element');
    let hold = () => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    await page.route(`${bucket.endpoint}/**`, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await choose(pictureOf('held.png'), pictureOf('other.png'));
    await button('Pause held.png').focus();
    await page.keyboard.press('Enter');
    await item('held.png').getByText('Paused at 0%').waitFor();
    expect(await complaint()).toBe('Wait until all files are uploaded.');
    expect(await focused()).toBe('Resume held.png');
    await button('Remove other.png').press('Enter');
    await item('other.png').waitFor({ state: 'detached' });
    expect(await focused()).toBe('Remove held.png');
    hold();
    await button('Resume held.png').press('Enter');
    await item('held.png').getByText('Uploaded').waitFor();
    await page.unroute(`${bucket.endpoint}/**`);

    await page.route(`${service}/presign-upload`, (route) => route.fulfill({ status: 418, json: { code: 'x' } }));
    await choose(pictureOf('again.png'));
    await button('Retry again.png').waitFor();
    expect(await complaint()).toBe('Try the failed files again, or remove them.');
    await page.unroute(`${service}/presign-upload`);
    await button('Retry again.png').press('Enter');
    await item('again.png').getByText('Uploaded').waitFor();
  });

  it('offers no Retry for a file that was removed from the disk', async () => {
    await open('element');
    const folder = await mkdtemp(join(tmpdir(), 'signpost-element-'));
    await writeFile(join(folder, 'gone.png'), picture);
    await page.route(`${service}/presign-upload`, async (route) => {
      await rm(folder, { recursive: true });
      await route.continue();
    });
    await uploader().locator('input').first().setInputFiles(join(folder, 'gone.png'));
    await item('gone.png').getByText('The file changed').waitFor();
    expect(await button('Retry gone.png').isVisible()).toBe(false);
    await page.unroute(`${service}/presign-upload`);
  });

  it('refuses what is dropped and not accepted, and says why, with no Retry', async () => {
    await open('element');
    await page.evaluate(`document.querySelector('signpost-uploader').setAttribute('max-bytes', '1000')`);
    const data = await page.evaluateHandle(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(['a'], 'notes.txt', { type: 'text/plain' }));
      data.items.add(new File([new Uint8Array(1001)], 'large.png', { type: 'image/png' }));
      return data;
    })()`);
    await uploader().locator('.drop').dispatchEvent('drop', { dataTransfer: data });
    await item('notes.txt').getByText('Not accepted here; accepted: images.').waitFor();
    await item('large.png').getByText('The file has 1,001 bytes; at most 1,000 bytes are allowed').waitFor();
    await expect.poll(() => uploader().getByRole('status').textContent()).toContain('failed');
    expect(await button('Retry').count()).toBe(0);
    await button('Remove all').click();
    expect(await complaint()).toBe('Add a file.');
  });

  it('takes files that are pasted, and leaves text alone', async () => {
    await open('element');
    await page.evaluate(`(() => {
      const button = document.querySelector('signpost-uploader').shadowRoot.querySelector('.choose');
      const paste = (clipboardData) =>
        button.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, composed: true }));
      const [text, files] = [new DataTransfer(), new DataTransfer()];
      text.items.add('words', 'text/plain');
      files.items.add(new File([Uint8Array.from(${JSON.stringify([...picture])})], 'pasted.png', { type: 'image/png' }));
      paste(text);
      paste(files);
    })()`);
    await item('pasted.png').getByText('Uploaded').waitFor();
    expect(await uploader().getByRole('listitem').count()).toBe(1);
  });

  it('takes one file in place of another without `multiple`, and other texts', async () => {
    await open('element');
    await page.evaluate(`(() => {
      const uploader = document.querySelector('signpost-uploader');
      uploader.toggleAttribute('multiple');
      uploader.texts = { choose: () => 'Datei wählen', valueMissing: 'Bitte eine Datei hinzufügen.' };
    })()`);
    await button('Datei wählen').waitFor();
    expect(await complaint()).toBe('Bitte eine Datei hinzufügen.');
    await choose(pictureOf('first.png'));
    await item('first.png').getByText('Uploaded').waitFor();
    await choose(pictureOf('second.png'));
    await item('second.png').getByText('Uploaded').waitFor();
    expect(await item('first.png').count()).toBe(0);
    await page.evaluate(`document.querySelector('form').reset()`);
    expect(await complaint()).toBe('Bitte eine Datei hinzufügen.');
  });

  it('shows 100 of 2,000 files, and draws nothing while they wait', async () => {
    await open('element');
    await page.route(`${bucket.endpoint}/**`, () => {});
    await page.evaluate(`document.querySelector('signpost-uploader').add(Array.from({ length: 2000 }, (_, index) =>
      new File(['x'], index + '.png', { type: 'image/png' })))`);
    await uploader().getByText('and 1,900 files more').waitFor();
    expect(await uploader().getByRole('listitem').count()).toBe(100);
    const changes = () =>
      page.evaluate(`new Promise((resolve) => {
        const observer = new MutationObserver(() => {});
        const all = { subtree: true, childList: true, attributes: true, characterData: true };
        observer.observe(document.querySelector('signpost-uploader').shadowRoot, all);
        setTimeout(() => resolve(observer.takeRecords().length), 1_200);
      })`);
    await expect.poll(changes).toBe(0);
  });

  it('says that the endpoint is missing', async () => {
    await open('element');
    await page.evaluate(`document.querySelector('signpost-uploader').removeAttribute('endpoint')`);
    await uploader().getByText('This uploader has no "endpoint"').waitFor();
  });

  it.each(['light', 'dark'] as const)('has nothing for axe to find, in %s', async (colorScheme) => {
    const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
    await page.emulateMedia({ colorScheme });
    for (const width of [1024, 360]) {
      await page.setViewportSize({ width, height: 740 });
      await open('element');
      await page.evaluate(`document.documentElement.style = 'color-scheme: light dark; background: Canvas'`);
      await page.route(`${bucket.endpoint}/**`, () => {});
      await choose(pictureOf('held.png'), pictureOf('paused.png'), fileOf('refused.txt', 10));
      await button('Pause paused.png').click();
      await item('refused.txt').getByText('accepted: images').waitFor();
      await page.evaluate(axe);
      // The page is one of the documentation, without headings.
      const violations = await page.evaluate(`axe.run('signpost-uploader').then(({ violations }) =>
        violations.map(({ id, nodes }) => {
          return id + ': ' + nodes.map(({ html, failureSummary }) => html + failureSummary);
        }))`);
      expect(violations).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEXT, writeSamples } from './samples.ts';
import { type PageHost, REBOUND_HOST, startPageHost } from './start-page.ts';

let host: PageHost;
let samples: Awaited<ReturnType<typeof writeSamples>>;
beforeAll(async () => {
  host = await startPageHost();
  const { page, context } = await host.openPage({}, 'about:blank');
  samples = await writeSamples(page, host.directory);
  await context.close();
});
afterAll(() => host.close());

const row = (page: Page, name: string) => page.locator('#files .row.file', { hasText: name }).first();
const active = (page: Page, what: string) => page.evaluate(`document.activeElement.${what}`);

type Named = { querySelector: (selector: string) => { textContent: string } | null };

describe('the list of files', () => {
  it('is empty at first, and says so', async () => {
    const { page, context } = await host.openPage();
    await page.getByText('Nothing here yet').waitFor();
    await context.close();
  });

  it('is there too if the browser lets the page store nothing', async () => {
    const { page, context, complaints } = await host.openPage({}, 'about:blank');
    const forbid = `for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
      Object.defineProperty(window, name, { get: () => { throw new Error('forbidden'); } });
    }`;
    await page.addInitScript(forbid);
    await page.goto(host.url);
    await page.getByText('Nothing here yet').waitFor();
    // As where the service puts no token into the page.
    await page.addInitScript(`document.addEventListener('readystatechange', () => {
      document.querySelector('meta[name=signpost-token]')?.setAttribute('content', '');
    })`);
    await page.reload();
    await page.getByLabel('Access token').fill(await host.mint('ada'));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Nothing here yet').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('shows what it can in a preview, and never runs it', async () => {
    const { page, context, complaints, choose } = await host.openPage();
    await choose([
      samples.image,
      samples.pdf,
      samples.video,
      samples.audio,
      samples.text,
      samples.legacy,
      samples.empty,
      samples.archive,
    ]);
    await expect.poll(() => page.locator('#files .row.file').count()).toBe(8);
    const stage = page.locator('#preview .stage');
    const preview = async (name: string, look: () => Promise<void>) => {
      await row(page, name).locator('.open').click();
      await page.getByRole('dialog', { name }).waitFor();
      await look();
      await page.keyboard.press('Escape');
      expect(await active(page, 'ariaLabel'), 'the focus is back').toContain(name);
      // Nothing plays on.
      await expect.poll(() => stage.locator('*').count()).toBe(0);
    };

    await preview('mountains at dusk.png', () =>
      expect
        .poll(() => stage.locator('img').evaluate((image: { naturalWidth: number }) => image.naturalWidth))
        .toBe(1280),
    );
    await preview('lease 2026.pdf', async () => {
      const frame = await stage.locator('iframe').elementHandle();
      await expect.poll(async () => (await frame?.contentFrame())?.url()).toContain(host.relay.url);
    });
    await preview('holiday.webm', () =>
      expect
        .poll(() => stage.locator('video').evaluate((player: { readyState: number }) => player.readyState))
        .toBeGreaterThan(1),
    );
    await preview('voice memo.wav', () =>
      expect
        .poll(() => stage.locator('audio').evaluate((player: { readyState: number }) => player.readyState))
        .toBeGreaterThan(1),
    );
    await preview('notes.txt', async () => expect(await stage.locator('pre').textContent()).toBe(TEXT));
    await preview('legacy.txt', async () => expect(await stage.locator('pre').textContent()).toBe('Grüße für 5 €'));
    await preview('empty.txt', () => stage.getByText('The file is empty').waitFor());
    await preview('backup.zip', () => stage.getByText('There is no preview').waitFor());
    expect(await page.title()).toBe('Signpost');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('downloads the bytes under the name, and stays where it is', async () => {
    const { page, context } = await host.openPage();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download notes.txt' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('notes.txt');
    expect(await readFile(await download.path(), 'utf8')).toBe(TEXT);
    expect(page.url()).toBe(`${host.url}/`);
    await context.close();
  });

  it('says why an upload was refused, once, with a way to put it away', async () => {
    const { page, context, choose } = await host.openPage();
    await choose([samples.lie]);
    const status = page.locator('#uploads .status');
    await expect.poll(() => status.textContent()).toBe('The file was refused. The content is HTML, not PNG.');
    expect(await page.getByRole('button', { name: 'Retry lie.png' }).isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Dismiss lie.png' }).click();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    await context.close();
  });

  it('takes what is dropped anywhere', async () => {
    const { page, context } = await host.openPage();
    await page.evaluate(`
      transfer = new DataTransfer();
      transfer.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
      drag = (type) => document.body.dispatchEvent(
        new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      drag('dragenter')`);
    await page.getByText('Drop to upload').waitFor();
    expect(await page.evaluate("drag('dragover')"), 'the page takes it').toBe(false);
    await page.evaluate("drag('drop')");
    await row(page, 'dropped.txt').waitFor();
    expect(await page.getByText('Drop to upload').isVisible()).toBe(false);
    await context.close();
  });

  it('finds, filters and sorts, and says what was found', async () => {
    const { page, context } = await host.openPage();
    const names = () =>
      page
        .locator('#files .row.file')
        .evaluateAll((rows) => rows.map((one) => (one as Named).querySelector('.name')?.textContent));
    const summary = page.locator('#files .bar .summary');
    await row(page, 'notes.txt').waitFor();
    await expect.poll(() => summary.textContent()).toMatch(/^\d files, /);
    await page.getByLabel('Order').selectOption('Name, A to Z');
    await expect.poll(async () => (await names())[0]).toBe('backup.zip');
    await page.getByLabel('Kind').selectOption('Images');
    await expect.poll(names).toEqual(['mountains at dusk.png']);
    await page.getByLabel('Kind').selectOption('All kinds');
    await page.getByLabel('Search by name').fill('DUSK');
    await expect.poll(() => summary.textContent()).toMatch(/^1 found/);
    await page.getByLabel('Search by name').fill('nowhere');
    await page.getByRole('button', { name: 'Show all files' }).click();
    await row(page, 'notes.txt').waitFor();
    await context.close();
  });

  it('renames, archives and restores, and steps through the previews', async () => {
    const { page, context } = await host.openPage();
    const stage = page.locator('#preview .stage');
    await page.getByLabel('Order').selectOption('Name, A to Z');
    await expect.poll(() => page.locator('#files .name').first().textContent()).toBe('backup.zip');
    await row(page, 'empty.txt').locator('.open').click();
    await stage.getByText('The file is empty').waitFor();
    await page.keyboard.press('ArrowRight');
    await stage.locator('video').waitFor();
    await page.getByRole('button', { name: 'Previous file' }).click();
    await stage.getByText('The file is empty').waitFor();
    await page.locator('#preview').getByRole('button', { name: 'Details' }).click();
    const details = page.locator('#details');
    await details.getByLabel('Name').fill('nothing.txt');
    await details.getByRole('button', { name: 'Rename' }).click();
    await details.getByRole('heading', { name: 'nothing.txt' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => active(page, 'ariaLabel')).toBe('Details of nothing.txt');
    await page.keyboard.press('Enter');
    await details.getByLabel('Name').fill('nil.txt');
    await details.getByRole('button', { name: 'Rename' }).click();
    await details.getByRole('heading', { name: 'nil.txt' }).waitFor();
    // A busy browser draws the page before it tells of the close: then nothing has the focus any more.
    await page.evaluate("document.querySelector('#details').close(); document.activeElement.blur()");
    await expect.poll(() => active(page, 'ariaLabel')).toBe('Details of nil.txt');
    await page.keyboard.press('Enter');
    await details.getByLabel('Name').fill('nothing.txt');
    await details.getByRole('button', { name: 'Rename' }).click();
    await details.getByRole('heading', { name: 'nothing.txt' }).waitFor();
    await details.getByRole('button', { name: 'Archive' }).click();
    await expect.poll(() => row(page, 'nothing.txt').count()).toBe(0);
    await page.getByLabel('Status').selectOption('Archived');
    await row(page, 'nothing.txt').locator('.open').click();
    await details.getByRole('button', { name: 'Restore' }).click();
    await expect.poll(() => row(page, 'nothing.txt').count()).toBe(0);
    await page.getByLabel('Status').selectOption('Current');
    await row(page, 'nothing.txt').waitFor();
    await context.close();
  });

  it('downloads and deletes what is selected, and brings it back', async () => {
    const { page, context } = await host.openPage();
    for (const name of ['Select notes.txt', 'Select nothing.txt']) await page.getByLabel(name).check();
    const bar = page.getByRole('toolbar', { name: 'Selected files' });
    await bar.getByText('2 files selected').waitFor();
    const downloads: string[] = [];
    page.on('download', (download) => downloads.push(download.suggestedFilename()));
    await bar.getByRole('button', { name: 'Download' }).click();
    await expect.poll(() => downloads.sort()).toEqual(['notes.txt', 'nothing.txt']);
    for (const name of ['Select notes.txt', 'Select nothing.txt']) await page.getByLabel(name).check();
    await bar.getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => row(page, 'notes.txt').count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await row(page, 'notes.txt').waitFor();
    await row(page, 'nothing.txt').waitFor();
    await context.close();
  });

  it('comes in pages, and can be asked for again when there was no connection', async () => {
    const { page, context, choose } = await host.openPage();
    await row(page, 'notes.txt').waitFor();
    const known = await page.locator('#files .row.file').count();
    const paths = Array.from({ length: 60 }, (_, index) => join(host.directory, `page-${index}.txt`));
    await Promise.all(paths.map((path) => writeFile(path, path)));
    await choose(paths);
    await expect.poll(() => page.locator('#files .row.file').count()).toBe(known + 60);

    await page.reload();
    await expect.poll(() => page.locator('#files .row.file').count()).toBe(50);
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('The files could not be listed. There is no connection.').first().waitFor();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => page.locator('#files .row.file').count()).toBe(known + 60);
    expect(await page.getByRole('button', { name: 'Load more' }).isVisible()).toBe(false);
    await context.close();
  });
});

describe('thumbnails', () => {
  it('are those of what the page uploaded, and of other files only if they are asked for', async () => {
    const { page, context, choose } = await host.openPage();
    const presigned: string[] = [];
    page.on('request', (request) => request.url().endsWith('/presign-download') && presigned.push(request.url()));
    const rows = page.locator('#files .row.file', { hasText: 'mountains at dusk.png' });
    const pictures = () => rows.locator('.tile canvas').count();
    await choose([samples.image]);
    await expect.poll(pictures).toBe(1);
    await page.reload();
    await rows.first().waitFor();
    await choose([samples.image]);
    await rows.first().locator('canvas').waitFor();
    expect([await rows.count(), await pictures(), presigned.length]).toEqual([2, 1, 0]);
    await page.getByLabel('All thumbnails').check();
    await expect.poll(pictures).toBe(2);
    expect(presigned.length).toBe(1);
    await page.reload();
    await expect.poll(pictures).toBe(2);
    await page.getByLabel('All thumbnails').uncheck();

    await page.reload();
    await rows.first().locator('.open').click();
    await page.locator('#preview img').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(pictures).toBe(1);
    await context.close();
  });
});

describe('a page under a name that is not this machine’s', () => {
  it('carries no token, asks for one, refuses a wrong one and takes a right one', async () => {
    const { page: own, context: ownContext } = await host.openPage();
    const token = await own.locator('meta[name=signpost-token]').getAttribute('content');
    expect(token).toMatch(/^eyJ/);
    await ownContext.close();

    const rebound = host.url.replace('127.0.0.1', REBOUND_HOST);
    const { page, context } = await host.openPage({}, rebound);
    expect(await page.content()).not.toContain('eyJ');
    expect(await page.getByRole('button', { name: 'Choose files' }).isVisible()).toBe(false);
    const paste = async (text: string) => {
      await page.getByLabel('Access token').fill(text);
      await page.getByRole('button', { name: 'Continue' }).click();
    };
    await paste('eyJ.wrong.token');
    await expect.poll(() => page.locator('#token-problem').textContent()).not.toBe('');
    await paste(token ?? '');
    await row(page, 'page-59.txt').waitFor();
    await page.reload();
    await row(page, 'page-59.txt').waitFor();
    await context.close();
  });
});

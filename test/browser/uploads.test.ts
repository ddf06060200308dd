import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, REBOUND_HOST, startPageHost } from './start-page.ts';

let host: PageHost;
let again: string;
let renewed: string;
let long: string;
beforeAll(async () => {
  host = await startPageHost();
  again = join(host.directory, 'again.txt');
  renewed = join(host.directory, 'renewed.txt');
  long = join(host.directory, `Screenshot of a long name ${'x'.repeat(180)}.txt`);
  await writeFile(again, 'again');
  await writeFile(renewed, 'renewed');
  await writeFile(long, 'long');
});
afterAll(() => host.close());

describe('uploads on the page', () => {
  it('uploads and lists a file that is tried again with success', async () => {
    const { page, context, choose } = await host.openPage();
    let refusals = 1;
    await page.route('**/presign-upload', (route) =>
      refusals-- > 0
        ? route.fulfill({ status: 403, json: { code: 'quota-exceeded', detail: 'the quota is used up', status: 403 } })
        : route.continue(),
    );
    await choose([again]);
    await page.getByRole('button', { name: 'Retry again.txt' }).click();
    await page.locator('#files .row.file', { hasText: 'again.txt' }).waitFor();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    await context.close();
  });

  it('lists a file once that was stored while the list was loaded', async () => {
    const { page, context, choose } = await host.openPage();
    const row = page.locator('#files .row.file', { hasText: 'once.txt' });
    const once = join(host.directory, 'once.txt');
    await writeFile(once, 'once');
    const confirmed = page.waitForResponse('**/confirm-upload');
    await page.route('**/files?*', (route) => confirmed.then(() => route.continue()));
    await page.clock.install();
    await page.reload();
    // Without timers, the list comes before the page draws what it has uploaded.
    await page.clock.pauseAt(Date.now() + 60_000);
    await choose([once]);
    await row.waitFor();
    await page.clock.runFor(2_000);
    await page.locator('#announcer').getByText('1 file uploaded').waitFor();
    expect(await row.count()).toBe(1);
    await context.close();
  });

  it('goes on with what was under way when a token ends: with a new one, or with one that is asked for', async () => {
    const own = await host.openPage();
    const token = (await own.page.locator('meta[name=signpost-token]').getAttribute('content')) ?? '';
    const refuseOnce = (page: Page, path: string) =>
      page.route(
        path,
        (route) =>
          route.fulfill({
            status: 401,
            json: { code: 'unauthenticated', detail: 'the token has expired', status: 401 },
          }),
        { times: 1 },
      );
    await refuseOnce(own.page, '**/confirm-upload');
    await own.choose([renewed]);
    const row = { hasText: 'renewed.txt' };
    await own.page.locator('#files .row.file', row).waitFor();
    expect(await own.page.getByLabel('Access token').isVisible()).toBe(false);
    await own.context.close();

    const asked = await host.openPage({}, host.url.replace('127.0.0.1', REBOUND_HOST));
    const paste = async (text: string) => {
      await asked.page.getByLabel('Access token').fill(text);
      await asked.page.getByRole('button', { name: 'Continue' }).click();
    };
    await paste(token);
    await asked.page.getByRole('button', { name: 'Choose files' }).waitFor();
    await refuseOnce(asked.page, '**/confirm-upload');
    await asked.choose([renewed]);
    await asked.page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    await paste('eyJ.wrong.token');
    await expect.poll(() => asked.page.locator('#token-problem').textContent()).not.toBe('');
    await paste(token);
    await asked.page.locator('#files .row.file', row).nth(1).waitFor();

    // Another user gets a page of their own: neither the list nor the uploads of the former one.
    await refuseOnce(asked.page, '**/confirm-upload');
    await asked.choose([again]);
    await asked.page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    asked.page.on('dialog', (dialog) => dialog.accept());
    await paste(await host.mint('grace'));
    await asked.page.getByText('Nothing here yet').waitFor();
    await asked.page.getByRole('button', { name: 'Sign out' }).click();
    await asked.page.getByText('Which user are you?').waitFor();
    await asked.context.close();
  });

  it('offers no second try for a file that is refused for what it is, and says each reason once', async () => {
    const { page, context, choose } = await host.openPage();
    const reason = 'the file has 30000000 bytes; at most 1000000 are allowed';
    await page.route('**/presign-upload', (route) =>
      route.fulfill({
        status: 413,
        json: { code: 'file-too-large', detail: reason, status: 413, errors: [{ path: 'size', message: reason }] },
      }),
    );
    await choose([again]);
    const status = page.locator('#uploads .status');
    await expect.poll(() => status.textContent()).toBe('The file has 30 MB; at most 1 MB are allowed.');
    expect(await page.getByRole('button', { name: 'Retry again.txt' }).isVisible()).toBe(false);
    await context.close();
  });

  it('refuses what is too large or of the wrong type at once, and sends nothing of it', async () => {
    const { page, context, choose } = await host.openPage();
    await page.route('**/limits', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), maxBytes: 6, contentTypes: ['text/*'] } });
    });
    const picture = join(host.directory, 'picture.png');
    await writeFile(picture, 'png');
    const presigned: unknown[] = [];
    page.on('request', (request) => request.url().includes('presign') && presigned.push(request.postDataJSON()));
    await page.reload();
    await page.getByText('Up to 6 bytes per file · text files').waitFor();
    await choose([renewed, picture, again]);
    await page.locator('#files .row.file', { hasText: 'again.txt' }).first().waitFor();
    const status = (name: string) => page.locator('#uploads .row', { hasText: name }).locator('.status').textContent();
    await expect.poll(() => status('renewed.txt')).toBe('The file has 7 bytes; at most 6 are allowed.');
    await expect.poll(() => status('picture.png')).toBe('PNG is not allowed; allowed: text files.');
    await expect.poll(() => presigned.length).toBe(1);
    expect(presigned).toEqual([expect.objectContaining({ fileName: 'again.txt' })]);
    await page.getByRole('button', { name: 'Dismiss all' }).click();
    await context.close();
  });

  it('draws some of 2,000 files that wait, and nothing while they are paused', async () => {
    const { page, context } = await host.openPage();
    await page.locator('#files[aria-busy=false]').waitFor();
    host.relay.setSilent(true);
    await page.evaluate(`
      const transfer = new DataTransfer();
      for (let i = 0; i < 2000; i++) transfer.items.add(new File([i], i + '.txt', { type: 'text/plain' }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))`);
    await page.getByText('0 of 2,000 files').waitFor();
    const rows = page.locator('#uploads .row');
    expect(await rows.count()).toBeLessThan(40);
    await page.getByRole('button', { name: /^Show more \(1,9\d\d hidden\)$/ }).click();
    expect(await rows.count()).toBeLessThan(70);

    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.evaluate(`
      writes = [];
      const note = ({ target }) => writes.push((target.outerHTML ?? target.data).slice(0, 200));
      new MutationObserver((records) => records.forEach(note)).observe(
        document.querySelector('#uploads'), { subtree: true, childList: true, attributes: true, characterData: true });
      new Promise((resolve) => setTimeout(resolve, 1000))`);
    expect(await page.evaluate('writes')).toEqual([]);
    await page.getByRole('button', { name: 'Cancel all' }).click();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    host.relay.setSilent(false);
    await context.close();
  });

  it('uploads a folder, and remembers where each file was', async () => {
    const { page, context } = await host.openPage();
    const inner = join(host.directory, 'trip', 'day 1');
    await mkdir(inner, { recursive: true });
    await writeFile(join(inner, 'beach.txt'), 'sand');
    await page.locator('#folder-picker').setInputFiles(join(host.directory, 'trip'));
    await page.getByRole('button', { name: 'Details of beach.txt' }).click();
    await page.getByText('relative-path: trip/day 1/beach.txt').waitFor();
    await page.locator('#details .events').getByText('upload.confirm').waitFor();
    // What is long is folded, and can be copied.
    expect(await page.locator('#details dd').getByText(/^eyJ/).isVisible()).toBe(false);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(/^eyJ/);
    await page.getByText('Show', { exact: true }).click();
    await page.locator('#details dd').getByText(/^eyJ/).waitFor();
    await context.close();
  });

  it('says what a file waits for, and tells the progress in the title and the icon', async () => {
    const { page, context, choose } = await host.openPage();
    const icon = () => page.locator('link[rel=icon]').getAttribute('href');
    const answer = {
      status: 503,
      json: { code: 'storage-unavailable', detail: 'the bucket does not answer', status: 503 },
    };
    await page.route('**/presign-upload', (route) =>
      route.request().postDataJSON().fileName === 'again.txt' ? route.fulfill(answer) : route.continue(),
    );
    const summary = () => page.locator('#files .bar .summary').textContent();
    await expect.poll(summary).toMatch(/^\d/);
    const before = await summary();
    await choose([renewed, again]);
    // The totals are of now, not of when nothing was under way.
    await expect.poll(summary).not.toBe(before);
    const status = page.locator('#uploads .status');
    await expect.poll(() => status.textContent()).toMatch(/^The bucket does not answer\. Trying again/);
    expect(await page.title()).toBe('58% · Signpost');
    expect(await icon()).toMatch(/^blob:/);
    await context.setOffline(true);
    await page.unroute('**/presign-upload');
    await expect.poll(() => status.textContent()).toMatch(/^There is no network\./);
    await context.setOffline(false);
    await page.locator('#files .row.file', { hasText: 'again.txt' }).first().waitFor();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    expect(await page.title()).toBe('Signpost');
    expect(await icon()).toBe('/demo/icon.svg');
    await context.close();
  });

  it('keeps a long name inside a narrow page and its dialogs, its extension in view, in either direction', async () => {
    const { page, context, choose } = await host.openPage();
    await page.setViewportSize({ width: 390, height: 800 });
    await choose([long]);
    await page
      .getByRole('button', { name: /^Screenshot of a long name/ })
      .first()
      .click();
    await page.locator('#preview[open]').waitFor();
    const [dialog, suffix] = [page.locator('#preview'), page.locator('#preview h2 span').last()];
    expect(await suffix.textContent()).toBe('xxxxxxxx.txt');
    const [around, inside] = [await dialog.boundingBox(), await suffix.boundingBox()];
    expect((inside?.x ?? 0) + (inside?.width ?? 0)).toBeLessThan((around?.x ?? 0) + (around?.width ?? 0));
    const overflow = (of: string) => page.evaluate(`${of}.scrollWidth - ${of}.clientWidth`);
    expect(await overflow('document.querySelector("#preview")')).toBe(0);
    await page.keyboard.press('Escape');
    const name = page.locator('#files .name', { hasText: 'Screenshot' }).first();
    const extension = name.locator('span').last();
    expect(await extension.textContent()).toBe('xxxxxxxx.txt');
    const [row, end] = [await page.locator('#files').boundingBox(), await extension.boundingBox()];
    expect((end?.x ?? 0) + (end?.width ?? 0)).toBeLessThan((row?.x ?? 0) + (row?.width ?? 0));
    // From right to left; then text of twice the size in a window of twice the width.
    await page.setViewportSize({ width: 360, height: 800 });
    await page.evaluate('document.documentElement.dir = "rtl"');
    expect(await overflow('document.documentElement')).toBe(0);
    await page.setViewportSize({ width: 720, height: 800 });
    await page.evaluate('document.documentElement.dir = "ltr"; document.documentElement.style.fontSize = "200%"');
    expect(await overflow('document.documentElement')).toBe(0);
    await page.getByRole('button', { name: /^Details of Screenshot/ }).click();
    await page.locator('#details .events li').first().waitFor();
    expect(await overflow('document.querySelector("#details")')).toBe(0);
    await context.close();
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, startPageHost } from './start-page.ts';

let host: PageHost;
let again: string;
let long: string;
beforeAll(async () => {
  host = await startPageHost();
  again = join(host.directory, 'again.txt');
  long = join(host.directory, `Screenshot of a long name ${'x'.repeat(180)}.txt`);
  await writeFile(again, 'again');
  await writeFile(long, 'long');
});
afterAll(() => host.close());

describe('uploads on the page', { timeout: 90_000 }, () => {
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
    await expect.poll(() => status.textContent()).toMatch(/^The file has 30 MB; at most 1000000 are allowed\.$/);
    expect(await page.getByRole('button', { name: 'Retry again.txt' }).isVisible()).toBe(false);
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
    await page.getByRole('button', { name: /^Show more of 1,9\d\d others$/ }).click();
    expect(await rows.count()).toBeLessThan(70);

    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.evaluate(`
      writes = [];
      new MutationObserver((records) => writes.push(...records.map(({ target }) => (target.outerHTML ?? target.data).slice(0, 200)))).observe(
        document.querySelector('#uploads'), { subtree: true, childList: true, attributes: true, characterData: true });
      new Promise((resolve) => setTimeout(resolve, 1000))`);
    expect(await page.evaluate('writes')).toEqual([]);
    await page.getByRole('button', { name: 'Cancel all' }).click();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    host.relay.setSilent(false);
    await context.close();
  });

  it('shows that a folder is left out', async () => {
    const { page, context } = await host.openPage();
    await page.evaluate(`
      const item = { kind: 'file', webkitGetAsEntry: () => ({ isDirectory: true }), getAsFile: () => null };
      const event = new Event('paste');
      Object.defineProperty(event, 'clipboardData', { value: { items: [item] } });
      dispatchEvent(event)`);
    await page.locator('#notice').getByText('Folders are skipped').waitFor();
    await context.close();
  });

  it('keeps a long name inside a narrow preview', async () => {
    const { page, context, choose } = await host.openPage();
    await page.setViewportSize({ width: 390, height: 800 });
    await choose([long]);
    await page
      .getByRole('button', { name: /^Screenshot of a long name/ })
      .first()
      .click();
    await page.locator('#preview[open]').waitFor();
    const overflow = 'document.querySelector("#preview").scrollWidth - document.querySelector("#preview").clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    await context.close();
  });
});

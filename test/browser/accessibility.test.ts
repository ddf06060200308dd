import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSamples } from './samples.ts';
import { type PageHost, REBOUND_HOST, startPageHost } from './start-page.ts';

const MIN_TARGET_PX = 40;

let host: PageHost;
let samples: Awaited<ReturnType<typeof writeSamples>>;
let axe: string;
beforeAll(async () => {
  host = await startPageHost();
  axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
  const { page, context } = await host.openPage({}, 'about:blank');
  samples = await writeSamples(page, host.directory);
  await context.close();
});
afterAll(() => host.close());

/** WCAG 2.2 A and AA as far as axe-core can tell, no sideways scrolling, and nothing too small to hit. */
async function inspect(page: Page, what: string): Promise<void> {
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finish()))').catch(() => {});
  await page.evaluate(axe);
  const violations = await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html + failureSummary)))`);
  expect(violations, what).toEqual([]);
  const width = page.viewportSize()?.width ?? 0;
  expect(await page.evaluate('document.documentElement.scrollWidth'), what).toBeLessThanOrEqual(width);
  const small = await page.evaluate(`[...document.querySelectorAll('button, input, a')]
    .filter((element) => element.checkVisibility())
    .map((element) => [element.getBoundingClientRect(), element.outerHTML])
    .filter(([{ width, height }]) => Math.min(width, height) < ${MIN_TARGET_PX})
    .map(([, html]) => html)`);
  expect(small, what).toEqual([]);
}

describe.each([
  ['light', 1280],
  ['light', 360],
  ['dark', 1280],
  ['dark', 360],
] as const)('the page in %s, %i px wide', (colorScheme, width) => {
  const options = { colorScheme, viewport: { width, height: 740 } };

  it('is accessible in every state', async () => {
    const asking = await host.openPage(options, host.url.replace('127.0.0.1', REBOUND_HOST));
    await inspect(asking.page, 'asking for a token');
    await asking.context.close();

    const { page, context, choose } = await host.openPage(options);
    await page.locator('#files[aria-busy=false]').waitFor();
    await inspect(page, 'at first');

    // Nothing gets through: the uploads stay under way for as long as it takes to look at them.
    host.relay.setSilent(true);
    await choose([samples.text, samples.pdf, samples.lie]);
    await page.getByText('of 3 files').first().waitFor();
    await page.getByRole('button', { name: 'Pause notes.txt' }).click();
    await page.locator('#uploads').getByText('Paused at').waitFor();
    await inspect(page, 'uploading');
    page.once('dialog', (dialog) => dialog.accept());
    await page.route('**/files?*', (route) => route.abort());
    await page.reload();
    host.relay.setSilent(false);
    await page.getByText('Unfinished uploads').first().waitFor();
    await page.getByText('There is no connection.').first().waitFor();
    await inspect(page, 'interrupted, and without a connection');
    await page.unroute('**/files?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('#files .failure').waitFor({ state: 'hidden' });

    await choose([samples.text, samples.image, samples.lie]);
    await page.locator('#uploads').getByText('The content is HTML, not PNG').waitFor();
    await page.locator('#files').getByText('notes.txt').first().waitFor();
    await inspect(page, 'with files and a failure');

    await page.locator('#files .open', { hasText: 'notes.txt' }).first().click();
    await page.locator('#preview pre').waitFor();
    await inspect(page, 'with a preview');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Details of notes.txt' }).first().click();
    await page.locator('#details .events li').first().waitFor();
    await inspect(page, 'with details');
    await page.keyboard.press('Escape');
    await page.getByLabel('Select notes.txt').first().check();
    await inspect(page, 'with a selection');
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    await inspect(page, 'with a deleted file');
    await page.getByLabel('Search by name').fill('nowhere');
    await page.getByText('No files match.').waitFor();
    await inspect(page, 'with nothing found');
    await context.close();
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSamples } from './samples.ts';
import { countRemembered, type PageHost, REBOUND_HOST, startPageHost } from './start-page.ts';

const MIN_TARGET_PX = 40;

let host: PageHost;
let samples: Awaited<ReturnType<typeof writeSamples>>;
let film: string;
let minutes: string;
let axe: string;
beforeAll(async () => {
  host = await startPageHost();
  axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
  const { page, context } = await host.openPage({}, 'about:blank');
  samples = await writeSamples(page, host.directory);
  film = join(host.directory, 'film.mov');
  await writeFile(film, Buffer.alloc(17_000_000));
  minutes = join(host.directory, `Minutes of the meeting of the committee ${'x'.repeat(100)}.txt`);
  await writeFile(minutes, 'What was said.');
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
  // axe does not look at these: they have the colour of other secondary text, and of the field's border.
  const pale = await page.evaluate(`[...document.querySelectorAll('[placeholder]')]
    .filter((field) => getComputedStyle(field, '::placeholder').color !== getComputedStyle(field).borderTopColor)
    .map(({ outerHTML }) => outerHTML)`);
  expect(pale, what).toEqual([]);
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
    await choose([samples.text, samples.pdf, samples.lie, film]);
    await page.getByText('of 4 files').first().waitFor();
    await page.getByRole('button', { name: 'Pause notes.txt' }).click();
    await page.locator('#uploads').getByText('Paused at').waitFor();
    await inspect(page, 'uploading');
    await expect.poll(() => countRemembered(page)).toBe(4);
    page.once('dialog', (dialog) => dialog.accept());
    await page.route('**/files?*', (route) => route.abort());
    await page.reload();
    await page.getByRole('button', { name: 'Choose film.mov again' }).waitFor();
    await page.getByRole('button', { name: 'Resume notes.txt' }).waitFor();
    await page.getByText('There is no connection.').first().waitFor();
    await inspect(page, 'interrupted, and without a connection');
    await page.getByRole('button', { name: 'Cancel all' }).click();
    host.relay.setSilent(false);
    await page.unroute('**/files?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('#files .failure').waitFor({ state: 'hidden' });

    await choose([samples.text, samples.image, samples.lie, minutes]);
    await page.locator('#uploads').getByText('The content is HTML, not PNG').waitFor();
    await page.locator('#files').getByText('notes.txt').first().waitFor();
    await page.locator('#files .row', { hasText: 'Minutes of' }).first().waitFor();
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

type Labelled = { ariaLabel: string };

const row = (page: Page, name: string) => page.locator('#files .row.file', { hasText: name }).first();
const active = (page: Page, what: string) => page.evaluate(`document.activeElement.${what}`);

/** Tabs to the control of this accessible name, as somebody without a mouse would. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let steps = 0; steps < 80; steps++) {
    await page.keyboard.press('Tab');
    const label =
      "document.activeElement.closest('button')?.ariaLabel ?? document.activeElement.closest('button')?.innerText";
    if (String(await page.evaluate(label)).includes(name)) return;
  }
  throw new Error(`no way to "${name}" with the Tab key`);
}

describe('without a mouse', () => {
  it('can be used with the keyboard alone: upload, preview, delete', async () => {
    const { page, context, choose } = await host.openPage();
    await choose([samples.text, samples.image]);
    await row(page, 'mountains at dusk.png').waitFor();
    const path = join(host.directory, 'typed.txt');
    await writeFile(path, 'by keyboard');
    await row(page, 'notes.txt').waitFor();
    await expect.poll(() => page.getByRole('status').textContent()).toContain('2 files uploaded');
    // Asked for before the way there: the browser has to be told to hand its dialog over.
    const choosing = page.waitForEvent('filechooser');
    await tabTo(page, 'Choose files');
    await page.keyboard.press('Enter');
    await (await choosing).setFiles([path]);
    await row(page, 'typed.txt').waitFor();
    await expect.poll(() => page.getByRole('status').textContent()).toContain('1 file uploaded');

    await tabTo(page, 'typed.txt');
    await page.keyboard.press('Enter');
    await page.getByText('by keyboard').waitFor();
    await page.keyboard.press('Escape');
    await tabTo(page, 'Delete typed.txt');
    await page.keyboard.press('Enter');
    await expect.poll(() => row(page, 'typed.txt').count()).toBe(0);
    expect(await active(page, 'tagName')).toBe('BUTTON');
    await page.keyboard.press('Control+z');
    await row(page, 'typed.txt').waitFor();
    await page.keyboard.press('ArrowUp');
    expect(await active(page, 'ariaLabel')).toContain('typed.txt');
    await page.keyboard.press('Delete');
    await expect.poll(() => row(page, 'typed.txt').count()).toBe(0);
    // Leaving the page leaves no time to undo.
    const reload = async () => {
      await page.reload();
      await row(page, 'notes.txt').waitFor();
      return row(page, 'typed.txt').count();
    };
    await expect.poll(reload).toBe(0);
    await context.close();
  });

  it('has few stops for the Tab key: a link past the rest, and one row of the list', async () => {
    const { page, context } = await host.openPage();
    const names = () =>
      page.locator('#files .open').evaluateAll((all) => all.map((one) => (one as Labelled).ariaLabel));
    await row(page, 'notes.txt').waitFor();
    await page.keyboard.press('Tab');
    expect(await active(page, 'innerText')).toBe('Skip to the files');
    await page.keyboard.press('Enter');
    expect(await active(page, 'id')).toBe('files-heading');

    const [first = '', second = ''] = await names();
    await tabTo(page, first);
    await page.getByText('The arrow keys move from file to file').waitFor();
    await page.keyboard.press('ArrowDown');
    expect(await active(page, 'ariaLabel')).toBe(second);
    await page.keyboard.press('End');
    expect(await active(page, 'ariaLabel')).toBe((await names()).at(-1));
    await page.keyboard.press('Home');
    expect(await active(page, 'ariaLabel')).toBe(first);
    // The buttons of the same row, and then none of another.
    for (const label of ['Download', 'Details of', 'Delete']) {
      await page.keyboard.press('Tab');
      expect(await active(page, 'ariaLabel')).toContain(label);
    }
    await page.keyboard.press('Tab');
    expect(await active(page, "closest('.row')")).toBeNull();

    await row(page, 'notes.txt').getByLabel('Select').check();
    await page.getByRole('toolbar').getByRole('button', { name: 'Select none' }).press('Enter');
    expect(await active(page, 'id')).toBe('files-heading');
    await row(page, 'notes.txt').locator('.open').click();
    const next = page.getByRole('button', { name: 'Next file' });
    while (await next.isEnabled()) await next.press('Enter');
    expect(await active(page, 'ariaLabel')).toBe('Close the preview');
    await context.close();
  });
});

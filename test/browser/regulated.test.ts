import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEXT, writeSamples } from './samples.ts';
import { countRemembered, type PageHost, startPageHost } from './start-page.ts';

let host: PageHost;
let samples: Awaited<ReturnType<typeof writeSamples>>;
beforeAll(async () => {
  const SSE_C_MASTER_KEYS = `k1:${randomBytes(32).toString('base64')}`;
  host = await startPageHost({ HOLD_UPLOADS: 'true', PROXY_DOWNLOADS: 'only', SSE_MODE: 'c', SSE_C_MASTER_KEYS });
  const { page, context } = await host.openPage({}, 'about:blank');
  samples = await writeSamples(page, host.directory);
  await context.close();
});
afterAll(() => host.close());

async function judge(fileId: string, verdict: Record<string, string>): Promise<void> {
  const { jwtSecret } = JSON.parse(await readFile(join(host.directory, 'data/secrets.json'), 'utf8'));
  const token = await new SignJWT({ sub: 'judge', scope: 'files:judge', exp: Math.floor(Date.now() / 1000) + 600 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(jwtSecret));
  const response = await fetch(`${host.url}/files/${fileId}/verdict`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'x-on-behalf-of': 'demo', 'content-type': 'application/json' },
    body: JSON.stringify(verdict),
  });
  expect(response.status).toBe(200);
}

describe('held files with keys of their own, on a service that presigns no downloads', { timeout: 90_000 }, () => {
  it('lists what is held and what was rejected, and shows and saves what is clean', async () => {
    const { page, context, complaints, choose } = await host.openPage();
    const row = (name: string) => page.locator('#files .row.file', { hasText: name });
    const ids = new Map<string, string>();
    page.on('response', async (response) => {
      if (!response.url().endsWith('/confirm-upload')) return;
      const { fileName, fileId } = await response.json();
      ids.set(fileName, fileId);
    });
    await choose([samples.image, samples.pdf, samples.audio, samples.text, samples.archive]);
    await expect.poll(() => row('').count()).toBe(5);
    await expect.poll(() => ids.size).toBe(5);
    await page.reload();
    await row('notes.txt').getByText('waits for a check').waitFor();
    expect(await page.getByRole('button', { name: 'Download notes.txt' }).isVisible()).toBe(false);
    for (const [from, to] of [
      ['notes.txt', 'renamed.txt'],
      ['renamed.txt', 'notes.txt'],
    ] as const) {
      await page.getByRole('button', { name: `Details of ${from}` }).click();
      await page.locator('#details').getByRole('textbox').fill(to);
      await page.locator('#details').getByRole('button', { name: 'Rename' }).click();
      await page.locator('#details').getByRole('heading', { name: to }).waitFor();
      await page.keyboard.press('Escape');
      await row(to).getByText('waits for a check').waitFor();
    }

    const reject = { verdict: 'rejected', reason: 'Eicar-Test-Signature', by: 'clamav' };
    for (const [name, id] of ids) await judge(id, name === 'backup.zip' ? reject : { verdict: 'clean' });
    await page.reload();
    await row('backup.zip').getByText('rejected: Eicar-Test-Signature').waitFor();

    const stage = page.locator('#preview .stage');
    const open = (name: string) => row(name).locator('.open').click();
    await open('mountains at dusk.png');
    const width = () => stage.locator('img').evaluate((image: { naturalWidth: number }) => image.naturalWidth);
    await expect.poll(width).toBe(1280);
    expect(await stage.locator('img').getAttribute('src')).toMatch(/^blob:/);
    await page.keyboard.press('Escape');
    await open('voice memo.wav');
    const state = () => stage.locator('audio').evaluate((player: { readyState: number }) => player.readyState);
    await expect.poll(state).toBeGreaterThan(1);
    await page.keyboard.press('Escape');
    await open('lease 2026.pdf');
    const frame = await stage.locator('iframe').elementHandle();
    await expect.poll(async () => (await frame?.contentFrame())?.url()).toMatch(/^blob:/);
    await page.keyboard.press('Escape');
    await open('notes.txt');
    expect(await stage.locator('pre').textContent()).toBe(TEXT);
    await page.keyboard.press('Escape');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download notes.txt' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('notes.txt');
    expect(await readFile(await download.path(), 'utf8')).toBe(TEXT);

    // The browser keeps no copy of what may be read only through the service.
    host.relay.setSilent(true);
    await choose([samples.text]);
    await expect.poll(() => countRemembered(page)).toBe(1);
    page.once('dialog', (dialog) => dialog.accept());
    await page.reload();
    await page.getByRole('button', { name: 'Choose notes.txt again' }).waitFor();
    await page.getByRole('button', { name: 'Cancel notes.txt' }).click();
    host.relay.setSilent(false);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('writes to the disk what is too large for memory, and says so where the browser cannot', async () => {
    const { page, context } = await host.openPage();
    await page.route('**/files?*', async (route) => {
      const response = await route.fetch();
      const { files, ...rest } = await response.json();
      const larger = files.map((file: { fileName: string }) => ({ ...file, size: 200_000_001 }));
      await route.fulfill({ response, json: { files: larger, ...rest } });
    });
    await page.reload();
    const button = page.getByRole('button', { name: 'Download notes.txt' });
    await page.evaluate('showSaveFilePicker = undefined');
    await button.click();
    await page.locator('#notice').getByText('only files up to 200 MB can').waitFor();
    // The place that a user would choose, without the dialog for it.
    await page.evaluate(`showSaveFilePicker = async ({ suggestedName }) => {
      const folder = await navigator.storage.getDirectory();
      return (place = await folder.getFileHandle(suggestedName, { create: true }));
    }`);
    await button.click();
    await page.locator('#notice').getByText('notes.txt saved.').waitFor();
    expect(await page.evaluate('place.getFile().then((file) => file.text())')).toBe(TEXT);
    await context.close();
  });
});

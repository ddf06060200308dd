import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MARKER_NAME } from '../../src/jobs/examine-marker.ts';
import { countRemembered, type PageHost, startPageHost } from './start-page.ts';

const PART_BYTES = 5 * 1024 ** 2;
const LARGE_BYTES = 120_000_000;
const PART_COUNT = Math.ceil(LARGE_BYTES / PART_BYTES);

/** Slow enough for a large file to have a middle. */
const UPLOAD_BYTES_PER_SECOND = 20e6;
const CUT_MS = 700;

let host: PageHost;
beforeAll(async () => {
  host = await startPageHost({ MULTIPART_PART_BYTES: String(PART_BYTES) });
});
afterAll(() => host.close());

async function slowDown(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: UPLOAD_BYTES_PER_SECOND,
  });
}

const partOf = (url: string) => Number(new URL(url).searchParams.get('partNumber'));

/**
 * Keeps a record of the parts that the page sends and the bucket takes, over reloads, in the order in which it happens.
 */
function watchParts(page: Page) {
  const sent: number[] = [];
  const stored: number[] = [];
  const failed: number[] = [];
  const underWay = new Set<unknown>();
  const isPart = (request: Request) => request.method() === 'PUT' && partOf(request.url()) > 0;
  page.on('request', (request) => {
    if (!isPart(request)) return;
    sent.push(partOf(request.url()));
    underWay.add(request);
  });
  page.on('response', (response) => {
    if (isPart(response.request()) && response.status() === 200) stored.push(partOf(response.url()));
  });
  page.on('requestfinished', (request) => underWay.delete(request));
  page.on('requestfailed', (request) => {
    if (underWay.delete(request)) failed.push(partOf(request.url()));
  });
  return { sent, stored, failed, underWay };
}

const progressOf = (page: Page, name: string) =>
  page.getByRole('progressbar', { name: `Upload of ${name}` }).evaluate((bar: { value: number }) => bar.value);

const untilProgress = (page: Page, name: string, value: number) =>
  expect.poll(() => progressOf(page, name), { interval: 50 }).toBeGreaterThan(value);

const fileRows = (page: Page) => page.locator('#files .row.file');

async function writeLarge(path: string): Promise<string> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  for (let left = LARGE_BYTES; left > 0; left -= 10_000_000) {
    const bytes = randomBytes(10_000_000);
    hash.update(bytes);
    await file.write(bytes);
  }
  await file.close();
  return hash.digest('hex');
}

async function hashObject(Key: string): Promise<string> {
  const { Body } = await host.s3.send(new GetObjectCommand({ Bucket: host.Bucket, Key }));
  const hash = createHash('sha256');
  for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk);
  return hash.digest('hex');
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** The keys of users' objects by their file names; the sweeper's marker is none. */
async function listBucket(): Promise<Map<string, string>> {
  const { Contents = [] } = await host.s3.send(new ListObjectsV2Command({ Bucket: host.Bucket }));
  const keys = Contents.map(({ Key = '' }) => Key).filter((key) => key !== MARKER_NAME);
  return new Map(keys.map((key) => [key.slice(key.lastIndexOf('/') + 1), key]));
}

describe('the page in a real browser', () => {
  it('uploads 200 small files, byte for byte', async () => {
    const folder = join(host.directory, 'small');
    await mkdir(folder);
    const paths = Array.from({ length: 200 }, (_, index) => join(folder, `small-${index}.txt`));
    await Promise.all(paths.map((path, index) => writeFile(path, `${index} `.repeat(index * 20))));
    const { page, context, complaints, choose } = await host.openPage();

    await choose(paths);
    await page.getByText('of 200 files').first().waitFor();
    await page.locator('#uploads').waitFor({ state: 'hidden', timeout: 180_000 });
    await expect.poll(() => page.getByRole('status').textContent()).toContain('200 files uploaded');
    // As many as are read; the others at the press of a button.
    expect(await fileRows(page).count()).toBe(100);
    await page.getByRole('button', { name: 'Load more' }).click();
    await expect.poll(() => fileRows(page).count()).toBe(200);

    const objects = await listBucket();
    expect(objects.size).toBe(200);
    for (const [index, path] of paths.entries()) {
      const key = objects.get(`small-${index}.txt`) ?? '';
      expect(await hashObject(key), key).toBe(await hashFile(path));
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('uploads 120 MB in parts through two cuts of the connection and a reload, no stored part twice', async () => {
    const path = join(host.directory, 'large.bin');
    const sha256 = await writeLarge(path);
    const { page, context, complaints, choose } = await host.openPage();
    const parts = watchParts(page);
    await slowDown(page);

    await choose([path]);
    for (const at of [0.2, 0.4]) {
      await untilProgress(page, 'large.bin', at);
      const before = parts.failed.length;
      await host.relay.goAway();
      await new Promise((resolve) => setTimeout(resolve, CUT_MS));
      await host.relay.comeBack();
      expect(parts.failed.length).toBeGreaterThan(before);
    }

    await untilProgress(page, 'large.bin', 0.7);
    page.once('dialog', (dialog) => dialog.accept());
    await page.reload();
    await slowDown(page);
    await page.getByRole('button', { name: 'Choose large.bin again' }).waitFor();
    const sentBefore = parts.sent.length;
    const [upload, ...others] = await host.openUploads();
    expect(others).toEqual([]);
    const stored = upload === undefined ? [] : await host.storedParts(upload);
    expect(stored.length).toBeGreaterThan(PART_COUNT / 2);

    await choose([path]);
    await fileRows(page).getByText('large.bin').waitFor({ timeout: 90_000 });
    expect(await page.locator('#uploads').isVisible()).toBe(false);
    expect(parts.sent.slice(sentBefore).filter((part) => stored.includes(part))).toEqual([]);
    expect(new Set(parts.stored).size).toBe(parts.stored.length);
    // A part under way at the reload may be stored without an answer to the page: it was sent, and that is seen.
    expect(new Set(parts.sent).size).toBe(PART_COUNT);

    expect(await hashObject((await listBucket()).get('large.bin') ?? '')).toBe(sha256);
    expect(await host.openUploads()).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('sends nothing while paused, and leaves nothing behind when cancelled', async () => {
    const path = join(host.directory, 'unwanted.bin');
    await writeLarge(path);
    const { page, context, complaints, choose } = await host.openPage();
    const parts = watchParts(page);
    await slowDown(page);

    await choose([path]);
    await untilProgress(page, 'unwanted.bin', 0.2);
    await page.getByRole('button', { name: 'Pause unwanted.bin' }).click();
    await expect.poll(() => parts.underWay.size).toBe(0);
    const sentBefore = parts.sent.length;
    await new Promise((resolve) => setTimeout(resolve, CUT_MS));
    expect(parts.sent.length).toBe(sentBefore);
    expect(await page.getByText(/^Paused\sat\s\d+%/).isVisible()).toBe(true);

    await page.getByRole('button', { name: 'Resume unwanted.bin' }).click();
    await untilProgress(page, 'unwanted.bin', 0.4);
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click();
    await page.locator('#uploads').waitFor({ state: 'hidden' });
    await expect.poll(() => host.openUploads()).toEqual([]);
    expect((await listBucket()).has('unwanted.bin')).toBe(false);
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('choose');
    expect(parts.stored.length).toBeGreaterThan(4);
    expect(new Set(parts.stored).size).toBe(parts.stored.length);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('goes on after a reload with the files of this user alone, and forgets them when the user signs out', async () => {
    const { page, context, choose } = await host.openPage();
    const write = async (name: string, content: string | Buffer) => {
      await writeFile(join(host.directory, name), content);
      return join(host.directory, name);
    };
    const film = await write('film.bin', Buffer.alloc(17_000_000));
    const dropped = await write('dropped.bin', Buffer.alloc(17_000_000));
    const note = await write('note.txt', 'note');
    const grace = await host.mint('grace');
    // As if the service had put this token into the page; null: its own.
    await page.addInitScript(`document.addEventListener('readystatechange', () => {
      const given = sessionStorage.getItem('given');
      if (given !== null) document.querySelector('meta[name=signpost-token]').content = given;
    })`);
    const reloadWith = async (token: string | null) => {
      await page.evaluate(token === null ? "sessionStorage.removeItem('given')" : `sessionStorage.given = '${token}'`);
      await page.reload();
    };
    page.on('dialog', (dialog) => dialog.accept());
    const under = page.locator('#uploads .row .name');
    const stored = (name: string) => page.locator('#files .row.file', { hasText: name });

    await page.locator('#files[aria-busy=false]').waitFor();
    host.relay.setSilent(true);
    await choose([note, film]);
    const session = await context.newCDPSession(page);
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      const data = { items: [], files: [dropped], dragOperationsMask: 1 };
      await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
    }
    await expect.poll(() => countRemembered(page)).toBe(3);
    await reloadWith(grace);
    await page.getByText('Nothing here yet').waitFor();
    await choose([await write('of-grace.txt', 'grace')]);
    await expect.poll(() => countRemembered(page)).toBe(4);
    expect(await under.allTextContents()).toEqual(['of-grace.txt']);

    // The browser's connections have lost bytes: it gets others.
    await host.relay.goAway();
    host.relay.setSilent(false);
    await host.relay.comeBack();
    await reloadWith(null);
    await page.getByText('Choose this file again to continue.').waitFor();
    await stored('note.txt').waitFor();
    // A browser lets a page read what was dropped on it until its tab is closed.
    await stored('dropped.bin').waitFor();
    const choosing = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose film.bin again' }).click();
    await (await choosing).setFiles([film]);
    await stored('film.bin').waitFor();
    await expect.poll(() => countRemembered(page)).toBe(1);

    host.relay.setSilent(true);
    await reloadWith('');
    await page.getByLabel('Access token').fill(grace);
    await page.getByRole('button', { name: 'Continue' }).click();
    await under.getByText('of-grace').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Which user are you?').waitFor();
    expect(await countRemembered(page)).toBe(0);
    host.relay.setSilent(false);
    await context.close();
  });
});

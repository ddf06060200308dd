import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { launchChromium } from '../browser/launch-chromium.ts';
import { type RunningApp, startApp } from '../frameworks/start-app.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { startTestBucket } from '../helpers/test-service.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FILE = { name: 'a.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7\n%%EOF\n') };
const BUILT_WITHIN_MS = 180_000;
/** React and its DOM are some 190 kB of it; the server's parts would be megabytes. */
const MAX_PAGE_BYTES = 300_000;

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let apps: string;
let browser: Browser;
let env: Record<string, string>;
beforeAll(async () => {
  [bucket, database, browser] = await Promise.all([startTestBucket(), createTestDatabase(), launchChromium()]);
  await setUpBucket(bucket.client, bucket.name, ['*']);
  env = {
    ...bucket.env,
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    DATABASE_URL: database.url,
    UPLOAD_ID_SECRET: 'a secret for tests that has more than thirty-two bytes',
  };
  // Apart from the sources, beside the packages: the frameworks write into their folders.
  apps = await mkdtemp(join(HERE, 'copy-'));
  await cp(join(HERE, 'apps'), apps, { recursive: true });
});
afterAll(async () => {
  await browser.close();
  await bucket.close();
  await database.drop();
  await rm(apps, { recursive: true, force: true });
});

/** Runs a program of the installed packages to its end. */
async function build(app: string, program: string, ...args: string[]): Promise<void> {
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: join(apps, app), env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1' } as never };
  const run = promisify(execFile)(process.execPath, [join(HERE, 'node_modules', program), ...args], options);
  await run.catch(({ message, stdout }) => expect.fail(`${message}\n${stdout}`));
}

/** Chooses a file on the page, and returns what the service has of it. */
async function uploadOn(url: string, file = FILE): Promise<unknown> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.goto(url);
  await page.waitForLoadState('networkidle');
  await page.locator('main > input').setInputFiles(file);
  await expect.poll(() => page.locator('output').textContent()).toMatch(/^[0-9a-f-]{36} active$/);
  // The element has told the limits: it was defined, and is alive beside the app's React.
  await page.locator('signpost-uploader').getByText('Up to 1 MB per file').waitFor();
  expect(complaints).toEqual([]);
  const [fileId] = ((await page.locator('output').textContent()) ?? '').split(' ');
  await page.close();
  const answer = await fetch(`${url}/uploads/files/${fileId}`, { headers: { authorization: 'Bearer ada' } });
  return answer.json();
}

describe('apps that Vite built, through an app with Hono', { timeout: BUILT_WITHIN_MS }, () => {
  let app: RunningApp;
  beforeAll(async () => {
    await build('hono', 'typescript/bin/tsc', '-p', '.');
    app = await startApp(() => [process.execPath, 'dist/hono/server.js'], env, { cwd: join(apps, 'hono') });
  });
  afterAll(() => app?.stop());

  it('uploads with React, once with encryption', async () => {
    await build('vite', 'typescript/bin/tsc', '-p', '.');
    await build('vite', 'vite/bin/vite.js', 'build');
    const assets = join(apps, 'vite/dist/assets');
    const scripts = (await readdir(assets)).filter((name) => name.endsWith('.js'));
    const sizes = await Promise.all(scripts.map(async (name) => (await readFile(join(assets, name))).length));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_PAGE_BYTES);

    expect(await uploadOn(app.url)).toMatchObject({ fileName: FILE.name, size: FILE.buffer.length, recordId: null });
    const newest = await fetch(`${app.url}/newest`);
    expect(await newest.json()).toEqual([{ fileName: FILE.name, size: FILE.buffer.length }]);
    const secret = await uploadOn(app.url, { ...FILE, name: 'a.secret' });
    expect(secret).toMatchObject({ encryption: expect.stringMatching(/^1\./), detectedContentType: null });
  });

  it.each([
    ['vue', 'vue'],
    ['svelte', 'svelte'],
    ['solid', 'jsx'],
  ])('uploads by the component of docs/%s.md', async (name, language) => {
    const text = await readFile(join(HERE, `../../docs/${name}.md`), 'utf8');
    for (const [block, file] of [
      ['js', 'signpost.js'],
      [language, `upload.${language}`],
    ] as const) {
      const [, code = ''] = new RegExp(`^\`\`\`${block}\\n(.*?)^\`\`\`$`, 'ms').exec(text) ?? [];
      await writeFile(join(apps, name, file), code);
    }
    await build(name, 'vite/bin/vite.js', 'build');
    const context = await browser.newContext();
    await context.addCookies([{ name: 'user', value: name, url: app.url }]);
    const page = await context.newPage();
    await page.goto(`${app.url}/${name}/`);
    await page.locator('input').setInputFiles(FILE);
    await page.getByText(`${FILE.name} is stored`).waitFor();
    await context.close();
    const listed = await fetch(`${app.url}/uploads/files`, { headers: { authorization: `Bearer ${name}` } });
    expect(await listed.json()).toMatchObject({ files: [{ fileName: FILE.name, recordId: 'case-42' }] });
  });
});

it.each(['--turbopack', '--webpack'])(
  'uploads from a page of Next.js, through a route of Next.js: next build %s',
  { timeout: BUILT_WITHIN_MS },
  async (bundler) => {
    const next = 'next/dist/bin/next';
    await build('next', next, 'build', bundler);
    const program = join(HERE, 'node_modules', next);
    const app = await startApp((port) => [process.execPath, program, 'start', '-p', `${port}`], env, {
      cwd: join(apps, 'next'),
    });
    try {
      expect(await uploadOn(app.url)).toMatchObject({ fileName: FILE.name, recordId: 'case-42' });
    } finally {
      await app.stop();
    }
  },
);

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mounted, startMounted } from './start-mounted.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** An app with every component, in StrictMode. */
const APP = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  import { createFiles, createSignpost } from 'signpost/client';
  import { createUploadQueue } from 'signpost/queue';
  import { AvatarUpload } from './avatar-upload';
  import { FileGallery } from './file-gallery';
  import { UploadDropzone } from './upload-dropzone';
  import { UploadList } from './upload-list';
  const signpost = createSignpost({ url: '/uploads' });
  const files = createFiles({ url: '/uploads' });
  const queue = createUploadQueue({ signpost });
  const App = () => (
    <main>
      <AvatarUpload signpost={signpost} name="Ada" options={{ documentType: 'avatar' }}
        onUploaded={({ fileId }) => { document.title = fileId; }} />
      <UploadDropzone queue={queue} />
      <UploadList queue={queue} />
      <FileGallery files={files} />
    </main>
  );
  createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>);`;

let host: Mounted;
let page: Page;
let picture: Buffer;
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: APP, resolveDir: at('docs/registry'), loader: 'tsx' },
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    logLevel: 'error',
    nodePaths: [at('node_modules')],
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: {
      'signpost/client': at('src/client/create-signpost.ts'),
      'signpost/queue': at('src/client/queue/create-upload-queue.ts'),
      'signpost/react': at('src/client/hooks/react.ts'),
    },
  });
  host = await startMounted({
    maxUploadBytes: 100_000,
    authorize: () => ({ userId: 'ada' }),
    addPages: (app) => {
      app.get('/main.js', (c) => c.body(outputFiles[0]?.text ?? ''));
      app.get('/', (c) =>
        c.html(
          '<!doctype html><html lang="en"><title>App</title><div id="root"></div><script src="/main.js"></script>',
        ),
      );
    },
  });
  page = await host.browser.newPage();
  picture = await page.screenshot();
  await page.goto(host.url);
});
afterAll(() => host.close());

const pictureOf = (name: string) => ({ name, mimeType: 'image/png', buffer: picture });
const pickerIn = (name: string) => page.getByRole('region', { name }).locator('input[type=file]');
const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });

describe('the React components to copy', () => {
  it('upload what is chosen, pause, resume, and say why a file is refused', async () => {
    let hold = () => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    await page.route(`${host.bucket.endpoint}/**`, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await pickerIn('Add files').setInputFiles([
      pictureOf('held.png'),
      { ...pictureOf('large.png'), buffer: Buffer.alloc(100_001) },
    ]);
    await row('large.png')
      .getByText(/100000/)
      .waitFor();
    expect(await row('large.png').getByRole('button', { name: /Retry/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Pause held.png' }).press('Enter');
    await row('held.png').getByText('Paused').waitFor();
    // The button has become the other one: the focus is where it was.
    expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Resume held.png');
    await page.keyboard.press('Enter');
    hold();
    await row('held.png').getByText('Uploaded').waitFor();
    await page.unroute(`${host.bucket.endpoint}/**`);
    await page.getByRole('button', { name: 'Remove large.png' }).click();
    await row('large.png').waitFor({ state: 'detached' });
  });

  it('replace a picture, and tell the app its file id', async () => {
    const button = page.getByRole('button', { name: 'Change the picture of Ada' });
    const picker = page.locator('input[accept="image/*"]');
    let hold = () => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    await page.route(`${host.bucket.endpoint}/**`, (route) => held.then(() => route.continue()).catch(() => {}));
    await picker.setInputFiles(pictureOf('other.png'));
    await page.getByText('% uploaded').waitFor();
    // Another choice before the first is stored.
    await picker.setInputFiles(pictureOf('ada.png'));
    hold();
    await page.getByText('The picture is stored.').waitFor();
    await page.unroute(`${host.bucket.endpoint}/**`);
    expect(await button.locator('img').count()).toBe(1);
    const { files } = await host.signpost.files.list({ userId: 'ada' }, { documentType: 'avatar' });
    expect(files.map(({ fileId }) => fileId)).toEqual([await page.title()]);
  });

  it('show what is stored, and delete it', async () => {
    await page.reload();
    const gallery = page.getByRole('region', { name: 'Stored files' });
    await gallery.getByRole('img', { name: 'held.png' }).waitFor();
    await gallery.getByRole('button', { name: 'Delete held.png' }).click();
    await gallery.getByText('held.png').waitFor({ state: 'detached' });
    expect((await host.signpost.files.list({ userId: 'ada' })).files.map(({ fileName }) => fileName)).toEqual([
      'ada.png',
    ]);
  });

  it('have nothing for axe to find', async () => {
    await page.evaluate(await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8'));
    const found = await page.evaluate(`axe.run('main').then(({ violations }) => violations.map(({ id }) => id))`);
    expect(found).toEqual([]);
  });
});

import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, startPageHost } from './start-page.ts';

let host: PageHost;
let sdk: string;
beforeAll(async () => {
  host = await startPageHost();
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from './create-signpost.ts'; export * from './encryption/with-keys.ts';`,
      resolveDir: 'src/client',
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sdk',
    target: 'es2022',
  });
  sdk = outputFiles[0]?.text ?? '';
});
afterAll(() => host.close());

/** Runs in the page, and tells what came of it. */
const PROGRAM = `(async () => {
  const { createSignpost, createFiles, withKeys, withPassword, readEnvelope } = sdk;
  const token = document.querySelector('meta[name=signpost-token]').content;
  const service = { url: location.origin, token };
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const random = Array.from({ length: 320 }, () => crypto.getRandomValues(new Uint8Array(65536)));
  const file = new File([...random, 'the end'], 'scan.bin', { lastModified: 1 });
  const digest = async (blob) => String(new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())));
  const told = {};
  for (const [name, encryption] of [['key', withKeys([{ id: 'k', key }])], ['password', withPassword('horse')]]) {
    const signpost = createSignpost({ ...service, encryption });
    const files = createFiles({ ...service, encryption });
    let sent = 0;
    const stored = await signpost.upload(file, { onProgress: ({ sentBytes }) => { sent = sentBytes; } });
    const whole = await files.download(stored.fileId);
    const end = await files.download(stored.fileId, { start: file.size - 7 });
    const raw = await files.download(stored.fileId, { encryption: null });
    const other = createFiles({ ...service, encryption: withPassword('mule') });
    told[name] = {
      isSame: (await digest(whole)) === (await digest(file)),
      isEncrypted: raw.size === stored.size && !(await raw.text()).includes('the end'),
      size: readEnvelope(stored.encryption).size === file.size && sent === file.size,
      end: await end.text(),
      refused: await other.download(stored.fileId).catch(({ code }) => code),
    };
  }
  return told;
})()`;

describe('encryption in a real browser', () => {
  it('sends and gets parts with a key that cannot be read out, and with a password', async () => {
    const { page, context, complaints } = await host.openPage();
    await page.evaluate(sdk.replace('var sdk', 'globalThis.sdk'));
    const good = { isSame: true, isEncrypted: true, size: true, end: 'the end' };
    expect(await page.evaluate(PROGRAM)).toEqual({
      key: { ...good, refused: 'unknown-key' },
      password: { ...good, refused: 'wrong-key' },
    });
    await page.reload();
    await page
      .getByRole('button', { name: /^scan\.bin/ })
      .first()
      .click();
    await page.locator('#preview').getByText('The file is encrypted').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});

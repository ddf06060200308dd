import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, REMEMBERED, startPageHost } from '../browser/start-page.ts';
import { startUppy } from '../browser/start-uppy.ts';
import { mint } from '../helpers/test-service.ts';
import { type Engine, startEngine } from './start-engine.ts';

const MEBIBYTE = 1024 ** 2;
const PART_BYTES = 5 * MEBIBYTE;
const PARTS = 8;
/** What may pass before the network is gone: some parts, not all. */
const ALLOWED_BYTES = 3.5 * PART_BYTES;

function png(width: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  const pixels = deflateSync(Buffer.alloc(1 + width));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

const PNG = png(3);

let uppy: Awaited<ReturnType<typeof startUppy>>;
beforeAll(async () => {
  uppy = await startUppy();
});
afterAll(() => uppy.close());

describe.each(['firefox', 'webkit'] as const)('the page in %s', (name) => {
  let host: PageHost;
  let engine: Engine;
  beforeAll(async () => {
    host = await startPageHost({ MULTIPART_PART_BYTES: String(PART_BYTES) });
    engine = await startEngine(name);
    await engine.open(host.url);
    await engine.evaluate(`void (window.complaints = [], addEventListener('error', (event) =>
      complaints.push(event.message)), addEventListener('unhandledrejection', (event) =>
      complaints.push(String(event.reason))))`);
  });
  afterAll(async () => {
    await engine.close();
    await host.close();
  });

  const write = async (file: string, bytes: Buffer) => {
    await writeFile(join(host.directory, file), bytes);
    return join(host.directory, file);
  };
  const listed = () => engine.evaluate('document.querySelector("#files .rows").textContent');
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const stored = async (file: string) => {
    const { Contents = [] } = await host.s3.send(new ListObjectsV2Command({ Bucket: host.Bucket }));
    const Key = Contents.map((object) => object.Key ?? '').find((key) => key.endsWith(`/${file}`));
    const { Body } = await host.s3.send(new GetObjectCommand({ Bucket: host.Bucket, Key }));
    return hash((await Body?.transformToByteArray()) ?? new Uint8Array());
  };
  const focused = () => engine.evaluate('document.activeElement.getAttribute("aria-label") ?? ""');

  it('uploads files byte for byte, and lists them', async () => {
    const text = Buffer.from('Grüße\n');
    await engine.choose([await write('notes.txt', text), await write('dot.png', PNG)]);
    await expect.poll(listed).toMatch(/notes\.txt/);
    await expect.poll(listed).toMatch(/dot\.png/);
    expect(await stored('notes.txt')).toBe(hash(text));
    expect(await stored('dot.png')).toBe(hash(PNG));
  });

  it('opens a preview with the keyboard, and gives the focus back', async () => {
    for (let steps = 0; !/^(dot\.png|notes\.txt),/.test(String(await focused())); steps++) {
      if (steps === 40) throw new Error('no way to the list with the Tab key');
      await engine.press('Tab');
    }
    if (String(await focused()).startsWith('notes.txt')) await engine.press('ArrowDown');
    await engine.press('Enter');
    await expect
      .poll(() => engine.evaluate('document.querySelector("#preview[open] .stage img")?.naturalWidth ?? 0'))
      .toBe(3);
    await engine.press('Escape');
    await expect.poll(() => engine.evaluate('document.querySelector("#preview").open')).toBe(false);
    expect(await focused()).toMatch(/^dot\.png,/);
  });

  it('has nothing for axe to find', async () => {
    const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
    await engine.evaluate(`(() => { ${axe} })()`);
    const violations = await engine.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(
      ({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html)))`);
    expect(violations).toEqual([]);
  });

  it('says that there is no network, and goes on when it is back', async () => {
    const bytes = randomBytes(PARTS * PART_BYTES);
    const tellOnLine = (isOnLine: boolean) =>
      engine.evaluate(`void (Object.defineProperty(navigator, 'onLine', { value: ${isOnLine}, configurable: true }),
        dispatchEvent(new Event('${isOnLine ? 'online' : 'offline'}')))`);
    host.relay.silenceAfter(ALLOWED_BYTES);
    await engine.choose([await write('cut.bin', bytes)]);
    await expect.poll(host.relay.isSilent).toBe(true);
    await tellOnLine(false);
    await host.relay.goAway();
    await expect.poll(() => engine.evaluate('document.querySelector("#uploads").innerText')).toMatch(/no network/);
    host.relay.setSilent(false);
    await host.relay.comeBack();
    await tellOnLine(true);
    await expect.poll(listed, { timeout: 90_000 }).toMatch(/cut\.bin/);
    expect(await stored('cut.bin')).toBe(hash(bytes));
    expect(await engine.evaluate('complaints')).toEqual([]);
  });

  it('resumes after a reload, and sends no stored part twice', async () => {
    const bytes = randomBytes(PARTS * PART_BYTES);
    const path = await write('long.bin', bytes);
    host.relay.silenceAfter(ALLOWED_BYTES);
    await engine.choose([path]);
    await expect.poll(host.relay.isSilent).toBe(true);
    const small = await write('small.txt', Buffer.from('small'));
    await engine.choose([small]);
    await expect.poll(() => engine.evaluate(REMEMBERED)).toBe(2);
    await engine.reload();
    const [upload] = await host.openUploads();
    const parts = upload === undefined ? [] : await host.storedParts(upload);
    expect(parts.length).toBeGreaterThan(0);
    await expect
      .poll(() => engine.evaluate('document.querySelector("#uploads").innerText'))
      .toMatch(/Choose this file/);

    await host.relay.goAway();
    host.relay.setSilent(false);
    await host.relay.comeBack();
    // Room for the parts that are missing and for the heads of the requests, and for nothing else.
    host.relay.silenceAfter((PARTS - parts.length) * PART_BYTES + MEBIBYTE);
    await engine.choose([path]);
    await expect.poll(listed, { timeout: 90_000 }).toMatch(/long\.bin/);
    // WebKit keeps no files while it is automated: it has no disk then.
    if (name === 'webkit') await engine.choose([small]);
    await expect.poll(listed).toMatch(/small\.txt/);
    expect(host.relay.isSilent()).toBe(false);
    expect(await stored('long.bin')).toBe(hash(bytes));
    expect(await host.openUploads()).toEqual([]);
  });

  it("uploads by Uppy and the package's plugin, and shows a refused file as an error", async () => {
    const files = [
      { name: 'film.bin', type: 'application/octet-stream', sizeBytes: 20 * MEBIBYTE + 7 },
      { name: 'fake.png', type: 'image/png', text: '<script>no picture</script>' },
    ];
    await engine.open(uppy.urlOf(6));
    await engine.evaluate(`startPlugin(${JSON.stringify({ service: uppy.url, token: await mint(name), files })})`);
    expect(await engine.evaluate('outcome()')).toEqual({ successful: ['film.bin'], failed: ['fake.png'] });
    const { body } = await uppy.service.call<{ files: object[] }>(name, '/files');
    expect(body.files).toMatchObject([{ fileName: 'film.bin', size: 20 * MEBIBYTE + 7 }]);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, startPageHost } from '../browser/start-page.ts';
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

  it('goes on when the network is back', async () => {
    const bytes = randomBytes(PARTS * PART_BYTES);
    host.relay.silenceAfter(ALLOWED_BYTES);
    await engine.choose([await write('cut.bin', bytes)]);
    await expect.poll(host.relay.isSilent).toBe(true);
    await host.relay.goAway();
    host.relay.setSilent(false);
    await host.relay.comeBack();
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
    await engine.reload();
    const [upload] = await host.openUploads();
    const parts = upload === undefined ? [] : await host.storedParts(upload);
    expect(parts.length).toBeGreaterThan(0);
    await expect.poll(() => engine.evaluate('document.querySelector("#interrupted").innerText')).toMatch(/long\.bin/);

    host.relay.setSilent(false);
    // Room for the parts that are missing and for the heads of the requests, and for nothing else.
    host.relay.silenceAfter((PARTS - parts.length) * PART_BYTES + MEBIBYTE);
    await engine.choose([path]);
    await expect.poll(listed, { timeout: 90_000 }).toMatch(/long\.bin/);
    expect(host.relay.isSilent()).toBe(false);
    expect(await stored('long.bin')).toBe(hash(bytes));
    expect(await host.openUploads()).toEqual([]);
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** What would be bold, and worse, if a preview took it for HTML. */
export const TEXT = 'Dear diary <b>not bold</b> <script>document.title = "run"</script> ü\n'.repeat(40);

/** One real file of every kind that the page shows, as the browser itself makes them; their paths by kind. */
export async function writeSamples(page: Page, directory: string) {
  const path = (name: string) => join(directory, name);
  const samples = {
    image: path('mountains at dusk.png'),
    pdf: path('lease 2026.pdf'),
    video: path('holiday.webm'),
    audio: path('voice memo.wav'),
    text: path('notes.txt'),
    legacy: path('legacy.txt'),
    empty: path('empty.txt'),
    archive: path('backup.zip'),
    lie: path('lie.png'),
  };
  await page.setContent('<h1 style="background: teal">Mountains</h1>');
  await page.screenshot({ path: samples.image });
  await page.pdf({ path: samples.pdf });
  await writeFile(samples.video, Buffer.from((await page.evaluate(RECORD)) as string, 'base64'));
  await writeFile(samples.audio, wave());
  await writeFile(samples.text, TEXT);
  // Windows-1252: the euro sign is 0x80.
  await writeFile(samples.legacy, Buffer.from('Grüße für 5 \x80', 'latin1'));
  await writeFile(samples.empty, '');
  await writeFile(samples.archive, Buffer.from('504b0506'.padEnd(44, '0'), 'hex'));
  await writeFile(samples.lie, '<!doctype html>no picture, whatever its name says');
  return samples;
}

/** A second of film, in the page. Text, for this is checked as Node's code and not as a browser's. */
const RECORD = `(async () => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  const draw = setInterval(() => context.fillRect(Math.random() * 300, 0, 9, 150), 40);
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm' });
  const chunks = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  recorder.stop();
  await new Promise((resolve) => { recorder.onstop = resolve; });
  clearInterval(draw);
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
})()`;

/** A tenth of a second of silence: RIFF, PCM, mono, 8,000 Hz, 8 bits. */
function wave(): Buffer {
  const samples = Buffer.alloc(800, 0x80);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write('WAVEfmt ', 8);
  for (const [offset, value] of [
    [16, 16],
    [24, 8000],
    [28, 8000],
    [40, samples.length],
  ] as const) {
    header.writeUInt32LE(value, offset);
  }
  for (const [offset, value] of [
    [20, 1],
    [22, 1],
    [32, 1],
    [34, 8],
  ] as const)
    header.writeUInt16LE(value, offset);
  header.write('data', 36);
  return Buffer.concat([header, samples]);
}

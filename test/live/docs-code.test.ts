import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, type Running, run } from './process.ts';

const PART_BYTES = 5 * 1024 ** 2;

let dir: string;
let service: Running;
let url = '';
let token = '';
let pages: Record<'README.md' | 'docs/curl.md', string>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost-readme-'));
  const read = (page: string) => readFile(join(ROOT, page), 'utf8');
  pages = {
    'README.md': await read('README.md'),
    'docs/curl.md': await read('docs/curl.md'),
  };
  service = run('npm', ['start'], { PORT: '0', DATA_DIR: join(dir, 'data'), MULTIPART_PART_BYTES: String(PART_BYTES) });
  [, url = '', token = ''] = await service.until(/SIGNPOST=(\S+) TOKEN=(\S+)\n/);
});
afterAll(async () => {
  await service.stop('SIGTERM');
  await rm(dir, { recursive: true, force: true });
});

/** A page's code blocks in this language; with two lines given, only those between them. */
const blocks = (page: keyof typeof pages, language: string, from = '', to = '') => {
  const text = pages[page];
  const section = from === '' ? text : text.slice(text.indexOf(`\n${from}`), text.indexOf(`\n${to}`));
  return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, code = '']) =>
    name === language ? [code] : [],
  );
};

const bash = async (script: string, FILE = '') => {
  const shell = run('bash', ['-euo', 'pipefail', '-c', script], { SIGNPOST: url, TOKEN: token, ANY_FILE: FILE }, dir);
  return { ...(await shell.ended), output: shell.output() };
};

const contents = (size: number) => Buffer.alloc(size, 'signpost ');

/** The newest file and its downloaded bytes. */
const newest = async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const list = await (await fetch(`${url}/files?limit=1`, { headers })).json();
  const { fileId, fileName } = (list as { files: [{ fileId: string; fileName: string }] }).files[0];
  const body = JSON.stringify({ fileId });
  const signed = await (await fetch(`${url}/presign-download`, { method: 'POST', headers, body })).json();
  const answer = await fetch((signed as { presignedUrl: string }).presignedUrl);
  return { fileName, bytes: Buffer.from(await answer.arrayBuffer()) };
};

describe('docs/curl.md', () => {
  const curl = () => blocks('docs/curl.md', 'sh');
  const NAMES = ['backup.bin', `it's "ü", {a};[1-2] \\ & file.bin`];

  it('has a beginning and three methods', () => {
    expect(curl()).toHaveLength(4);
    expect(curl().map((block) => /ask (PUT|POST|MULTIPART) \|/.exec(block)?.[1])).toEqual([
      undefined,
      'PUT',
      'POST',
      'MULTIPART',
    ]);
  });

  it.each([
    ['one PUT', 1],
    ['a form', 2],
    ['parts', 3],
  ])('works as pasted for %s, with any size and name', async (_way, index) => {
    for (const [name, size] of [
      [NAMES[0] ?? '', 0],
      [NAMES[0] ?? '', 2 * PART_BYTES + 7],
      [NAMES[1] ?? '', 1000],
    ] as const) {
      await writeFile(join(dir, name), contents(size));
      const start = curl()[0] ?? '';
      const begin = name === NAMES[0] ? start : start.replace('FILE=backup.bin', 'FILE="$ANY_FILE"');
      expect(await bash(`${begin}\n${curl()[index]}`, name)).toMatchObject({ code: 0 });
      const { fileName, bytes } = await newest();
      expect(fileName).toBe(name);
      expect(bytes.equals(contents(size))).toBe(true);
    }
  });

  it('sends parts that arrived before an interruption only once', async () => {
    await writeFile(join(dir, 'backup.bin'), contents(2 * PART_BYTES + 7));
    const [start = '', , , parts = ''] = curl();
    // The service is down for the second part.
    const broken = parts.replace('call presign-parts', 'if [ "$n" = 2 ]; then exit 7; else call presign-parts; fi');
    expect(broken).not.toBe(parts);
    expect((await bash(`${start}\n${broken}`)).code).not.toBe(0);
    const again = parts.slice(parts.indexOf('partSize='));
    const resumed = await bash(`${start}\n${again.replace('; do', '; do echo "sending $n"')}`);
    expect(resumed.output.match(/sending \d/g)).toEqual(['sending 2', 'sending 3']);
    expect((await newest()).bytes.equals(contents(2 * PART_BYTES + 7))).toBe(true);
  });
});

describe('the JavaScript of the README', () => {
  /** Runs code like a module, with these names in scope. */
  const evaluate = (code: string, scope: Record<string, unknown>) => {
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => unknown;
    const body = code.replaceAll('https://files.example.com', url);
    return new AsyncFunction(...Object.keys(scope), body)(...Object.values(scope));
  };
  const browser = () => blocks('README.md', 'js', 'With `fetch`', '## How an upload goes')[0] ?? '';

  it('uploads a page’s file', async () => {
    const file = new File(['hello'], 'a page.txt', { type: 'text/plain' });
    await evaluate(browser(), { token, file });
    expect(await newest()).toEqual({ fileName: 'a page.txt', bytes: Buffer.from('hello') });
  });
});

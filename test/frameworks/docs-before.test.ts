import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** What a page calls "Before": in a block of its own, or in a line. */
async function codeBefore(page: string, section: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs', page), 'utf8');
  const [, after = ''] = text.split(`\n## ${section}\n`);
  const code = /^Before:(?:\n\n```(?:js|ts)\n(.*?)^```$| `(.*?)`\. After:)/ms.exec(after);
  if (code === null) throw new Error(`docs/${page} has no code before, under ${section}`);
  return code[1] ?? code[2] ?? '';
}

/** The code of the pages, and what it leaves to the reader. The plugin is that of Uppy 5, as with Companion. */
const CASES = {
  'active-storage-page': ['from-active-storage.md', 'The page', 'declare const file: File, input: HTMLInputElement;'],
  'better-upload-server': [
    'from-better-upload.md',
    'The server',
    `import { RejectUpload, route, type Router } from '@better-upload/server';
     import { toRouteHandler } from '@better-upload/server/adapters/next';
     import { aws } from '@better-upload/server/clients';
     const getSession = async (req: Request) => req.headers.has('cookie') ? { user: { id: 'ada' } } : null;`,
  ],
  'better-upload-client': [
    'from-better-upload.md',
    'The client',
    `import { useUploadFile } from '@better-upload/client';
     declare const image: File;`,
  ],
  'companion-page': [
    'from-companion.md',
    'The page',
    `import Uppy from '@uppy/core';
     import AwsS3 from 'uppy-5-aws-s3';
     const uppy = new Uppy();`,
  ],
  'supabase-page': [
    'from-supabase-storage.md',
    'The page',
    `import { createClient } from '@supabase/supabase-js';
     const supabase = createClient('https://project.supabase.co', 'key');
     declare const user: { id: string }, file: File;`,
  ],
  'uploadthing-server': [
    'from-uploadthing.md',
    'The server',
    `import { createUploadthing, type FileRouter } from 'uploadthing/server';
     const getSession = async (req: Request) => ({ user: { id: req.url } });
     const setAvatar = async (user: string, key: string) => console.log(user, key);`,
  ],
  'uploadthing-client': [
    'from-uploadthing.md',
    'The client',
    `import { generateReactHelpers } from '@uploadthing/react';
     import type { uploadRouter } from './uploadthing-server.ts';
     const { useUploadThing } = generateReactHelpers<typeof uploadRouter>();
     declare const image: File;`,
  ],
} as const;

const OPTIONS = {
  // JavaScript need not say what it does without an answer.
  strict: true,
  strictNullChecks: false,
  noEmit: true,
  target: 'es2023',
  module: 'esnext',
  moduleResolution: 'bundler',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  skipLibCheck: true,
  allowImportingTsExtensions: true,
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(HERE, 'before-'));
  for (const [name, [page, section, scope]] of Object.entries(CASES)) {
    const lines = [...scope.split('\n'), await codeBefore(page, section), 'export {};'];
    await writeFile(join(directory, `${name}.ts`), lines.join('\n'));
  }
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['*.ts'] }));
});
afterAll(() => rm(directory, { recursive: true }));

/** The compiler's complaints, a line each. */
const compile = () =>
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', directory, '--pretty', 'false']).then(
    () => [],
    ({ stdout }: { stdout: string }) => stdout.trim().split('\n'),
  );

describe('the code "before" on the pages about moving', () => {
  it('compiles with the packages that it uses', async () => {
    expect(await compile()).toEqual([]);
  });

  it('signs as the page says, without knowing what arrives: better-upload', async () => {
    const outfile = join(directory, 'server.mjs');
    await build({
      entryPoints: [join(directory, 'better-upload-server.ts')],
      outfile,
      logLevel: 'silent',
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    const secrets = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' };
    const script = `const { POST } = await import('${outfile}');
      const headers = { 'content-type': 'application/json', cookie: 'session=1' };
      const body = { route: 'images', files: [{ name: 'a.png', size: 5, type: 'image/png' }] };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      console.log(await (await POST(new Request('http://app.test/', init))).text());`;
    const { stdout } = await run('node', ['--input-type=module', '-e', script], {
      env: { ...process.env, ...secrets },
    });
    expect(JSON.parse(stdout)).toMatchObject({ files: [{ file: { objectInfo: { key: 'ada/a.png' } } }] });
  });
});

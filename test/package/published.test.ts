import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TARBALL } from './tarball.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const INSTALLED = join(HERE, 'node_modules/signpost');
const MAX_PACKED_BYTES = 2_600_000;

/** What a program of the installed packages prints; fails with that if it finds something. */
async function printed(program: string, ...args: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [join(HERE, 'node_modules', program), ...args]);
  const { stdout } = await run.catch(({ stdout, stderr }) => expect.fail(`${stdout}\n${stderr}`));
  return stdout;
}

describe('the published package', () => {
  it('is found, with its types, by everything that imports ES modules', async () => {
    await printed('@arethetypeswrong/cli/dist/index.js', TARBALL, '--profile', 'esm-only', '--no-color');
  });

  it('has a package.json that publint accepts without a remark', async () => {
    expect(await printed('publint/src/cli.js', TARBALL, '--strict')).toContain('All good!');
  });

  it('brings no other package, and nothing that only this repository needs', async () => {
    const { dependencies, optionalDependencies } = JSON.parse(await readFile(join(INSTALLED, 'package.json'), 'utf8'));
    expect([dependencies, optionalDependencies]).toEqual([undefined, undefined]);
    expect((await readdir(INSTALLED)).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json']);
    const files = await readdir(join(INSTALLED, 'dist'), { recursive: true });
    expect(files.filter((file) => /^(bench|write-settings)|\.ts$/.test(file) && !file.endsWith('.d.ts'))).toEqual([]);
    expect((await readFile(TARBALL)).length).toBeLessThan(MAX_PACKED_BYTES);
  });

  it('shows a line of itself, not a whole module, where nobody catches its error', async () => {
    const url = pathToFileURL(join(INSTALLED, 'dist/receipts.js')).href;
    const program = `import { verifyReceipt } from '${url}'; await verifyReceipt('text', { jwks: { keys: [] } })`;
    const node = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    const { stderr } = await node.then(
      () => expect.fail('it is no receipt'),
      (error: { stderr: string }) => error,
    );
    expect(stderr).toContain('ReceiptError');
    expect(stderr.split('\n').filter((line) => line.length > 500)).toEqual([]);
  });

  it('starts on the oldest Node without a warning of its packages', async () => {
    const program = `
      import { createSignpost, settingsFrom } from '${pathToFileURL(join(INSTALLED, 'dist/index.js'))}';
      const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b'.repeat(40), JWT_SECRET: 's'.repeat(32) };
      const stores = { S3_BUCKET_NAME: 'uploads', AWS_REGION: 'us-east-1', DATABASE_URL: 'postgres://127.0.0.1:1/none' };
      const signpost = createSignpost({ settings: settingsFrom({ ...keys, ...stores }) });
      await signpost.fetch(new Request('http://localhost/healthz'));
      await signpost.close();`;
    const node = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    expect((await node).stderr).not.toContain('Warning');
  });

  it('has source maps with our sources, and licence texts and an SBOM of what is bundled', async () => {
    const map = JSON.parse(await readFile(join(INSTALLED, 'dist/main.js.map'), 'utf8'));
    expect(map.sourcesContent[map.sources.indexOf('../src/main.ts')]).toContain('untilSignal');
    const licences = await readFile(join(INSTALLED, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const titles = licences.match(/^\S+ \d\S+ \(.+\)$/gm) ?? [];
    for (const name of ['hono', 'zod', 'pg', 'drizzle-orm', 'jose', '@neondatabase/serverless', '@aws-sdk/client-s3']) {
      expect(titles.filter((title) => title.startsWith(`${name} `))).toHaveLength(1);
    }
    expect(licences).toContain('Brian M. Carlson');
    const bill = JSON.parse(await readFile(join(INSTALLED, 'dist/sbom.cdx.json'), 'utf8'));
    const listed = (bill.components as { name: string; version: string; purl: string }[]).map((each) => {
      expect(each.purl).toBe(`pkg:npm/${each.name.replace('@', '%40')}@${each.version}`);
      return `${each.name} ${each.version}`;
    });
    expect(listed.sort()).toEqual([...new Set(titles.map((title) => title.replace(/ \(.*$/, '')))].sort());
  });
});

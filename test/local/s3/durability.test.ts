import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIncomingFile } from '../../../src/local/s3/store/open-incoming-file.ts';
import { openStore } from '../../../src/local/s3/store/open-store.ts';
import { KEYS, newClient, outcome, presign, sendRaw, startFixture } from './s3-fixture.ts';

const BUCKET = 'durable';
let workspace: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'local-s3-child-'));
  await build({
    stdin: {
      contents: `
        import { startLocalS3 } from './src/local/s3/start-local-s3.ts';
        const { url } = await startLocalS3(JSON.parse(process.argv[2]));
        process.send({ url });
        process.on('message', () => process.send({ maxRssKilobytes: process.resourceUsage().maxRSS }));
      `,
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(workspace, 'server.mjs'),
  });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(workspace, { recursive: true, force: true });
});

/** Starts a store in a separate process; `limits` is a shell command that runs first. */
async function startChild(
  directory: string,
  limits = 'true',
): Promise<{ child: ChildProcess; url: string; client: S3Client }> {
  const options = JSON.stringify({ ...KEYS, directory, host: '127.0.0.1', port: 0 });
  const script = `${limits}; exec "$0" "$@"`;
  const child = spawn('sh', ['-c', script, process.execPath, join(workspace, 'server.mjs'), options], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const client = newClient(url);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return { child, url, client };
}

async function putBody(server: { url: string; client: S3Client }, key: string, body: Buffer): Promise<string> {
  const path = await presign(server.client, new PutObjectCommand({ Bucket: BUCKET, Key: key }), {});
  return outcome(await sendRaw(server.url, { method: 'PUT', path, body }));
}

async function getBody(server: { url: string; client: S3Client }, key: string) {
  const path = await presign(server.client, new GetObjectCommand({ Bucket: BUCKET, Key: key }), {});
  return sendRaw(server.url, { method: 'GET', path });
}

async function killHard(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a kill -9', () => {
  it('during an upload that replaces an object leaves only the old object', async () => {
    const directory = join(workspace, 'replacing');
    const first = await startChild(directory);
    expect(await putBody(first, 'k', Buffer.from('old'))).toBe('200');
    const path = await presign(first.client, new PutObjectCommand({ Bucket: BUCKET, Key: 'k' }), {});
    const { hostname, port } = new URL(first.url);
    const headers = { 'content-length': '20000000' };
    const outgoing = request({ hostname, port, path, method: 'PUT', headers });
    outgoing.on('error', () => undefined);
    outgoing.write(Buffer.alloc(10_000_000));
    await expect.poll(() => readdir(join(directory, 'incoming'))).toHaveLength(1);
    await killHard(first.child);
    expect(await readdir(join(directory, 'incoming'))).toHaveLength(1);

    const second = await startChild(directory);
    expect((await getBody(second, 'k')).body.toString()).toBe('old');
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
    expect(await readdir(join(directory, 'buckets', BUCKET, 'data'))).toHaveLength(1);
    await killHard(second.child);
  });

  it('among many uploads loses no confirmed one, and never shows a partial object', async () => {
    const directory = join(workspace, 'many');
    const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(400_000, `version ${index} `));
    const hashes = bodies.map((body) => createHash('md5').update(body).digest('hex'));
    for (const answersBeforeKill of [1, 3, 7, 12, 20]) {
      const server = await startChild(directory);
      const answered = new Set<string>();
      const killed = new Promise<void>((resolve) => {
        for (let index = 0; index < 40; index++) {
          const key = `key-${answersBeforeKill}-${index % 25}`;
          const body = bodies[index % bodies.length] ?? Buffer.alloc(0);
          putBody(server, key, body).then(
            (result) => {
              if (result === '200') answered.add(key);
              if (answered.size === answersBeforeKill) resolve(killHard(server.child));
            },
            () => undefined,
          );
        }
      });
      await killed;
      const restarted = await startChild(directory);
      for (let index = 0; index < 25; index++) {
        const key = `key-${answersBeforeKill}-${index}`;
        const answer = await getBody(restarted, key);
        if (answer.status === 404) expect(answered).not.toContain(key);
        else expect(hashes).toContain(createHash('md5').update(answer.body).digest('hex'));
        if (answer.status === 200) expect(hashes.map((hash) => `"${hash}"`)).toContain(answer.headers.etag);
      }
      await killHard(restarted.child);
    }
  });
});

describe('a full disk', () => {
  // A limit on the size of a file fails a write in mid-object, as a full disk does.
  it('answers SlowDown, keeps the old object and keeps running', async () => {
    const directory = join(workspace, 'full');
    const server = await startChild(directory, 'ulimit -f 4096');
    expect(await putBody(server, 'k', Buffer.from('old'))).toBe('200');
    expect(await putBody(server, 'k', Buffer.alloc(8_000_000))).toBe('503 SlowDown');
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
    expect((await getBody(server, 'k')).body.toString()).toBe('old');
    expect(await putBody(server, 'k', Buffer.from('new'))).toBe('200');
    await killHard(server.child);
  });
});

describe('a large upload', () => {
  // Node 20 takes 41 MB, Node 24 47 to 82 on a busy machine, whose collector comes later.
  it('of 256 MiB takes less than half as much memory', async () => {
    const server = await startChild(join(workspace, 'large'));
    const maxRssKilobytes = async () => {
      server.child.send('rss');
      const [message] = (await once(server.child, 'message')) as [{ maxRssKilobytes: number }];
      return message.maxRssKilobytes;
    };
    expect(await putBody(server, 'warm-up', Buffer.alloc(1_000_000))).toBe('200');
    const before = await maxRssKilobytes();
    expect(await putBody(server, 'large', Buffer.alloc(256 * 1024 * 1024, 'a'))).toBe('200');
    expect((await maxRssKilobytes()) - before).toBeLessThan(128 * 1024);
    await killHard(server.child);
  });
});

describe('bytes in pieces of all sizes', () => {
  it('are on the disk in their order', async () => {
    const file = await openIncomingFile(await openStore(join(workspace, 'pieces')));
    const sizeOf = (index: number) => (index % 100 === 99 ? 700_000 : index % 7);
    const pieces = Array.from({ length: 700 }, (_, index) => Buffer.alloc(sizeOf(index), index % 251));
    for (const piece of pieces) await file.write(piece);
    await file.finish();
    const whole = Buffer.concat(pieces);
    expect(file.sizeBytes()).toBe(whole.length);
    expect((await readFile(file.path)).equals(whole)).toBe(true);
  });
});

describe('a restart', () => {
  it('finds the objects again', async () => {
    const first = await startFixture();
    await first.client.send(new PutObjectCommand({ Bucket: first.bucket, Key: 'Ünï', Body: 'kept' }));
    await first.server.close();
    const second = await startFixture({ directory: first.directory });
    const answer = await second.client.send(new GetObjectCommand({ Bucket: first.bucket, Key: 'Ünï' }));
    expect(await answer.Body?.transformToString()).toBe('kept');
    await second.stop();
    first.client.destroy();
  });
});

describe('other accounts on the machine', () => {
  it('cannot read bytes or records, even if an earlier build left the folder readable', async () => {
    const directory = join(workspace, 'modes');
    await mkdir(directory, { mode: 0o755 });
    await chmod(directory, 0o755);
    const fixture = await startFixture({ directory });
    const { client, bucket: Bucket } = fixture;
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'secret' }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    await client.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'secret' }));
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(files).toHaveLength(6);
    for (const file of files) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
    await fixture.stop();
  });
});

describe('foreign files in the folder', () => {
  it('cause no error, and are neither listed nor removed', async () => {
    const first = await startFixture();
    const { client, bucket: Bucket, directory } = first;
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'kept' }));
    const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    await client.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'a part' }));
    await first.server.close();
    client.destroy();
    const bucketFolder = join(directory, 'buckets', Bucket);
    const folders = ['.', 'objects', 'uploads', join('uploads', UploadId), 'data'].map((name) =>
      join(bucketFolder, name),
    );
    const strays = [directory, join(directory, 'buckets'), ...folders].flatMap((folder) =>
      ['.DS_Store', '._k.json', 'Thumbs.db'].map((name) => join(folder, name)),
    );
    for (const stray of strays) {
      await writeFile(stray, '');
      await utimes(stray, 0, 0);
    }
    await mkdir(join(directory, 'buckets', '.Trashes'));

    const second = await startFixture({ directory });
    const { Contents } = await second.client.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(['k']);
    const { Uploads } = await second.client.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads?.map(({ Key }) => Key)).toEqual(['parts']);
    const { Parts } = await second.client.send(new ListPartsCommand({ Bucket, Key: 'parts', UploadId }));
    expect(Parts?.map(({ Size }) => Size)).toEqual([6]);
    for (const stray of strays) expect((await stat(stray)).size, stray).toBe(0);
    await second.stop();
  });
});

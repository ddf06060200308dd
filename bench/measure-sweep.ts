import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startLocalS3 } from '../src/local/s3/start-local-s3.ts';
import type { ObjectRecord } from '../src/local/s3/store/object-record.ts';
import { readFindIndexes } from './fill-files.ts';
import { withRealBucket } from './measure-sdk.ts';
import { findFreePort } from './start-service.ts';
import { withDatabase } from './with-database.ts';

const PARALLEL = 64;
const ETAG = '"0cc175b9c0f1b6a831c399e269772661"';
const KEYS = { region: 'us-east-1', accessKeyId: 'bench', secretAccessKey: 'bench-secret' };

/** `env`: the settings that name it. `start`: of the embedded bucket, when all are added. */
type Bucket = { env: Record<string, string>; add: (key: string) => Promise<void>; start: (() => Promise<void>) | null };

/** `startSeconds`: how long the embedded bucket's start took with these objects; null with another store. */
export type SweepFigure = { objects: number; startSeconds: number | null; seconds: number; peakRssBytes: number };

/**
 * Runs `npm run sweep` over a bucket with this many files, each with its row: seconds and the highest RSS of the
 * sweeper, which runs in a process of its own. The bucket is on `TEST_S3_ENDPOINT` if set, else the embedded one.
 */
export async function measureSweep(directory: string, counts: readonly number[]): Promise<SweepFigure[]> {
  return withDatabase(directory, async (client, url) => {
    await client.query('alter table files disable trigger files_count_usage');
    for (const index of (await readFindIndexes(client)).keys()) await client.query(`drop index ${index}`);
    const measure = async ({ env, add, start }: Bucket) => {
      const figures: SweepFigure[] = [];
      let made = 0;
      for (const objects of counts) {
        const { rows } = await client.query(
          `insert into files (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
          select id, 'bench', 'bench/_/_/' || id || '/a.txt', 'a.txt', 'text/plain', 1, $2, now()
          from (select overlay(gen_random_uuid()::text placing '7' from 15 for 1)::uuid as id
            from generate_series(1, $1::int)) as ids
          returning object_key`,
          [objects - made, ETAG],
        );
        made = objects;
        await client.query('vacuum analyze files');
        const work = async () => {
          for (let row = rows.pop(); row !== undefined; row = rows.pop()) await add(row.object_key);
        };
        await Promise.all(Array.from({ length: PARALLEL }, work));
        const startedAt = performance.now();
        await start?.();
        const startSeconds = start && secondsSince(startedAt);
        figures.push({ objects, startSeconds, ...(await sweepOnce({ ...env, DATABASE_URL: url }, objects)) });
      }
      return figures;
    };
    return (await withRealBucket((env) => withPuts(env, measure))) ?? withRecords(directory, measure);
  });
}

async function withPuts<Result>(env: Record<string, string>, use: (bucket: Bucket) => Promise<Result>) {
  const client = clientOf(env);
  const add = async (Key: string) => {
    await client.send(new PutObjectCommand({ Bucket: env.S3_BUCKET_NAME, Key, Body: 'a' }));
  };
  const result = await use({ env, add, start: null });
  client.destroy();
  return result;
}

/** The embedded bucket, in this process. Objects are added as records without bytes, which a sweep does not read. */
async function withRecords<Result>(directory: string, use: (bucket: Bucket) => Promise<Result>): Promise<Result> {
  const folder = join(directory, 'bucket');
  const options = { ...KEYS, directory: folder, host: '127.0.0.1', port: await findFreePort() };
  let s3 = await startLocalS3(options);
  const env = {
    S3_BUCKET_NAME: 'bench',
    S3_ENDPOINT: s3.url,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  };
  const client = clientOf(env);
  await client.send(new CreateBucketCommand({ Bucket: env.S3_BUCKET_NAME }));
  client.destroy();
  // The embedded bucket reads each record when it starts.
  const start = async () => {
    await s3.close();
    s3 = await startLocalS3(options);
  };
  const add = async (key: string) => {
    const record: ObjectRecord = {
      key,
      sizeBytes: 1,
      etag: ETAG,
      lastModified: new Date().toISOString(),
      headers: [],
      checksum: null,
      tags: [],
      files: [],
      uploadId: null,
      versionId: 'null',
      sequence: 0,
    };
    const name = createHash('sha256').update(key).digest('hex');
    await writeFile(join(folder, 'buckets/bench/objects', `${name}.json`), JSON.stringify(record));
  };
  try {
    return await use({ env, add, start });
  } finally {
    await s3.close();
  }
}

function clientOf({ S3_ENDPOINT = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' }: Record<string, string>) {
  return new S3Client({
    region: KEYS.region,
    endpoint: S3_ENDPOINT,
    forcePathStyle: true,
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
  });
}

async function sweepOnce(env: Record<string, string>, objects: number) {
  const { PATH = '', HOME = '' } = process.env;
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['dist/signpost.js', 'sweep', '--json'], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  let peakRssBytes = 0;
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakRssBytes = Math.max(peakRssBytes, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    await Promise.race([ended, sleep(100)]);
  }
  const { counts } = JSON.parse(output);
  if (counts.listed !== objects || counts.missing !== 0) throw new Error(`it counted ${output}`);
  return { seconds: secondsSince(startedAt), peakRssBytes };
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}

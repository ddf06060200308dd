import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { createS3Client } from '../src/storage/create-s3-client.ts';
import { makeFile, putCommand, timed } from './measure-upload.ts';
import { median } from './median.ts';
import { startService } from './start-service.ts';

const ROUNDS = 5;
const SMALL_BYTES = 1024 ** 2;
const SETTLE_MS = 2_000;

/**
 * Uploads a file in parts by the SDK and by `signpost upload`, alternating with the same bytes by `curl -T` to the same
 * bucket, each in its own process: the embedded bucket, or that of `env`. Speeds are medians in bytes per second.
 * Memory is the growth of the service's RSS over idle, in bytes, with a file of 1 MiB and with the whole file.
 */
export async function measureSdk(directory: string, sizeBytes: number, env: Readonly<Record<string, string>> = {}) {
  const [large, small] = [join(directory, 'sdk-large'), join(directory, 'sdk-small')];
  await makeFile(large, sizeBytes);
  await makeFile(small, SMALL_BYTES);
  const dataDir = join(directory, `sdk-${randomUUID()}`);
  const service = await startService([process.execPath, 'dist/main.js'], dataDir, '', env);
  const bySdk = async (file: string, bytes: number) =>
    timed(bytes, [process.execPath, 'bench/upload-by-sdk.mjs', service.url, await service.mint(), file]);
  const byCommand = async (file: string, bytes: number) => {
    const settings = [`SIGNPOST=${service.url}`, `TOKEN=${await service.mint()}`, `XDG_STATE_HOME=${dataDir}`];
    return timed(bytes, ['env', ...settings, process.execPath, 'dist/signpost.js', 'upload', file]);
  };
  try {
    await sleep(SETTLE_MS);
    const idleBytes = await service.rssBytes();
    await service.forgetPeak();
    await bySdk(small, SMALL_BYTES);
    const smallGrowthBytes = (await service.peakRssBytes()) - idleBytes;
    const speeds = { sdk: [] as number[], command: [] as number[], curl: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      speeds.sdk.push(await bySdk(large, sizeBytes));
      speeds.command.push(await byCommand(large, sizeBytes));
      speeds.curl.push(await timed(sizeBytes, await putCommand(service, large, sizeBytes)));
    }
    const growthBytes = (await service.peakRssBytes()) - idleBytes;
    return {
      smallGrowthBytes,
      growthBytes,
      sdk: median(speeds.sdk),
      command: median(speeds.command),
      curl: median(speeds.curl),
    };
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true });
  }
}

/** A new bucket on the store of `TEST_S3_ENDPOINT`, removed with its contents afterwards; null if not configured. */
export async function withRealBucket<Result>(use: (env: Record<string, string>) => Promise<Result>) {
  const { TEST_S3_ENDPOINT: endpoint, TEST_S3_ACCESS_KEY_ID = '', TEST_S3_SECRET_ACCESS_KEY = '' } = process.env;
  if (endpoint === undefined) return null;
  const credentials = { accessKeyId: TEST_S3_ACCESS_KEY_ID, secretAccessKey: TEST_S3_SECRET_ACCESS_KEY };
  const Bucket = `bench-${randomUUID()}`;
  const client = createS3Client({
    name: Bucket,
    region: 'us-east-1',
    endpoint,
    credentials,
    forcePathStyle: true,
    useAccelerateEndpoint: false,
    useDualstackEndpoint: false,
  });
  await client.send(new CreateBucketCommand({ Bucket }));
  try {
    return await use({
      S3_BUCKET_NAME: Bucket,
      S3_ENDPOINT: endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
  } finally {
    for (let isEmpty = false; !isEmpty; ) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
      const Objects = Contents.map(({ Key }) => ({ Key }));
      isEmpty = Objects.length === 0;
      if (!isEmpty) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    }
    await client.send(new DeleteBucketCommand({ Bucket }));
    client.destroy();
  }
}

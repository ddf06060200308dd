import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalS3 } from '../../../src/local/s3/start-local-s3.ts';
import { type Fixture, KEYS, startFixture } from './s3-fixture.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

const setRules = (Rules: LifecycleRule[], { client, bucket: Bucket } = s3) =>
  client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
const readRules = async ({ client, bucket: Bucket } = s3) =>
  (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules;
const ABORT: LifecycleRule = {
  ID: 'abort',
  Status: 'Enabled',
  Filter: { Prefix: 'u/' },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
};

describe('lifecycle rules', () => {
  it('are returned as put, until they are deleted', async () => {
    await expect(readRules()).rejects.toMatchObject({ name: 'NoSuchLifecycleConfiguration' });
    const other: LifecycleRule = { ...ABORT, ID: 'other', Status: 'Disabled', Filter: { Prefix: '' } };
    await setRules([ABORT, other]);
    expect(await readRules()).toEqual([ABORT, other]);
    await s3.client.send(new DeleteBucketLifecycleCommand({ Bucket: s3.bucket }));
    await expect(readRules()).rejects.toMatchObject({ name: 'NoSuchLifecycleConfiguration' });
  });

  it.each<[string, LifecycleRule[], string]>([
    ['that expire objects', [{ ...ABORT, Expiration: { Days: 1 } }], 'NotImplemented'],
    ['that move objects', [{ ...ABORT, Transitions: [{ Days: 1, StorageClass: 'GLACIER' }] }], 'NotImplemented'],
    ['that look at tags', [{ ...ABORT, Filter: { Tag: { Key: 'a', Value: 'b' } } }], 'NotImplemented'],
    ['that do nothing', [{ ID: 'x', Status: 'Enabled', Filter: { Prefix: '' } }], 'MalformedXML'],
    ['with the same id', [ABORT, ABORT], 'InvalidArgument'],
    ['of zero days', [{ ...ABORT, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 0 } }], 'MalformedXML'],
  ])('%s are refused, rather than ignored', async (_name, rules, name) => {
    await expect(setRules(rules)).rejects.toMatchObject({ name });
  });

  it('abort only multipart uploads that are older than the rule allows', async () => {
    const first = await startFixture();
    const { client, bucket: Bucket, directory } = first;
    await setRules([ABORT], first);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'u/old' }));
    await client.send(new UploadPartCommand({ Bucket, Key: 'u/old', UploadId, PartNumber: 1, Body: 'x' }));
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'elsewhere' }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'u/object', Body: 'kept' }));
    await first.server.close();
    client.destroy();
    const leftAfter = async (days: number) => {
      const options = { ...KEYS, directory, host: '127.0.0.1', port: 0 };
      const later = await startLocalS3({ ...options, now: () => new Date(Date.now() + days * 86_400_000) });
      await later.close();
      const second = await startFixture({ directory });
      const { Uploads } = await second.client.send(new ListMultipartUploadsCommand({ Bucket }));
      const { Contents } = await second.client.send(new ListObjectsV2Command({ Bucket }));
      await second.server.close();
      second.client.destroy();
      return [...(Uploads ?? []), ...(Contents ?? [])].map(({ Key }) => Key);
    };
    expect(await leftAfter(6)).toEqual(['elsewhere', 'u/old', 'u/object']);
    expect(await leftAfter(8)).toEqual(['elsewhere', 'u/object']);
    expect(await readdir(join(directory, 'buckets', Bucket, 'data'))).toHaveLength(1);
    await rm(directory, { recursive: true });
  });
});

import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { Fixture } from './s3-fixture.ts';

let buckets = 0;

/** Creates a bucket with this versioning status (null: never set), and returns functions that use it. */
export async function newVersionedBucket(
  { client, directory }: Fixture,
  status: 'Enabled' | 'Suspended' | null = 'Enabled',
) {
  const Bucket = `versions-${buckets++}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  const keep = (Status: 'Enabled' | 'Suspended') =>
    client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  if (status !== null) await keep(status);
  const read = async (Key: string, VersionId?: string) => {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...(VersionId && { VersionId }) }));
      return await Body?.transformToString();
    } catch (error) {
      return (error as Error).name;
    }
  };
  return {
    Bucket,
    keep,
    read,
    folder: join(directory, 'buckets', Bucket),
    put: async (Key: string, Body: string) =>
      (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId,
    remove: (Key: string, VersionId?: string) =>
      client.send(new DeleteObjectCommand({ Bucket, Key, ...(VersionId && { VersionId }) })),
    list: async (input: Partial<ListObjectVersionsCommandInput> = {}) => {
      const page = await client.send(new ListObjectVersionsCommand({ Bucket, ...input }));
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      return { page, ids: found.map(({ VersionId }) => VersionId), latest: found.filter(({ IsLatest }) => IsLatest) };
    },
    keys: async () => (await client.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key) ?? [],
  };
}

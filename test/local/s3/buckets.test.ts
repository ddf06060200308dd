import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketLocationCommand,
  GetObjectAclCommand,
  type Grant,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutObjectAclCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from './s3-fixture.ts';

let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

const create = (Bucket: string) => s3.client.send(new CreateBucketCommand({ Bucket }));
const names = async (input = {}) =>
  (await s3.client.send(new ListBucketsCommand(input))).Buckets?.map(({ Name }) => Name);

describe('ListBuckets', () => {
  it('lists all buckets by name, with their creation dates', async () => {
    await create('b-two');
    await create('a-one');
    const { Buckets, Owner } = await s3.client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['a-one', 'b-two', s3.bucket]);
    expect(Math.abs(Date.now() - Number(Buckets?.[0]?.CreationDate))).toBeLessThan(60_000);
    expect(Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
  });

  it('filters by prefix and region, and pages', async () => {
    expect(await names({ Prefix: 'b-' })).toEqual(['b-two']);
    expect(await names({ BucketRegion: 'eu-central-1' })).toEqual([]);
    const first = await s3.client.send(new ListBucketsCommand({ MaxBuckets: 2 }));
    expect(first.Buckets?.map(({ Name }) => Name)).toEqual(['a-one', 'b-two']);
    expect(await names({ MaxBuckets: 2, ContinuationToken: first.ContinuationToken })).toEqual([s3.bucket]);
  });
});

describe('GetBucketLocation', () => {
  it('is empty in us-east-1, and the region elsewhere', async () => {
    const here = await s3.client.send(new GetBucketLocationCommand({ Bucket: s3.bucket }));
    expect(here.LocationConstraint).toBeUndefined();
    const other = await startFixture({ region: 'eu-central-1' });
    const there = await other.client.send(new GetBucketLocationCommand({ Bucket: other.bucket }));
    expect(there.LocationConstraint).toBe('eu-central-1');
    await other.stop();
    const missing = new GetBucketLocationCommand({ Bucket: 'missing' });
    await expect(s3.client.send(missing)).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });
});

describe('DeleteBucket', () => {
  const remove = (Bucket: string) => s3.client.send(new DeleteBucketCommand({ Bucket }));

  it('removes only an empty bucket, with its settings and unfinished uploads', async () => {
    const Bucket = 'to-remove';
    await create(Bucket);
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }];
    await s3.client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'unfinished' }));
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await expect(remove(Bucket)).rejects.toMatchObject({ name: 'BucketNotEmpty', $metadata: { httpStatusCode: 409 } });
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await remove(Bucket);
    await expect(s3.client.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotFound' });
    await expect(remove(Bucket)).rejects.toMatchObject({ name: 'NoSuchBucket' });
    expect(await names({ Prefix: 'to-' })).toEqual([]);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
    await create(Bucket);
    await remove(Bucket);
  });

  it('never loses an object that is stored at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      const Bucket = `racing-${round}`;
      await create(Bucket);
      const [stored, removed] = await Promise.allSettled([
        s3.client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' })),
        remove(Bucket),
      ]);
      expect([stored.status, removed.status].sort()).toEqual(['fulfilled', 'rejected']);
      const reason = [stored, removed].find((result) => result.status === 'rejected')?.reason;
      expect(['NoSuchBucket', 'BucketNotEmpty']).toContain(reason.name);
    }
  });

  it('is finished by the next start after a crash', async () => {
    const first = await startFixture();
    await first.server.close();
    first.client.destroy();
    await rm(join(first.directory, 'buckets', first.bucket, 'objects'), { recursive: true });
    await mkdir(join(first.directory, 'buckets', 'no-bucket'));
    const second = await startFixture({ directory: first.directory });
    expect(await readdir(join(second.directory, 'buckets'))).toEqual([second.bucket, 'no-bucket'].sort());
    await second.stop();
  });
});

describe('access control lists', () => {
  it('always grant full control to the owner', async () => {
    const input = { Bucket: s3.bucket, Key: 'k' };
    await s3.client.send(new PutObjectCommand({ ...input, Body: 'x' }));
    for (const command of [new GetBucketAclCommand(input), new GetObjectAclCommand(input)]) {
      const { Grants, Owner } = await s3.client.send(command as GetBucketAclCommand);
      expect(Grants).toMatchObject([{ Grantee: { ID: Owner?.ID, Type: 'CanonicalUser' }, Permission: 'FULL_CONTROL' }]);
    }
    const missing = new GetObjectAclCommand({ ...input, Key: 'missing' });
    await expect(s3.client.send(missing)).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it.each(['private', 'bucket-owner-full-control', 'bucket-owner-read'] as const)('are accepted as %s', async (ACL) => {
    const input = { Bucket: s3.bucket, Key: `acl-${ACL}` };
    await s3.client.send(new PutObjectCommand({ ...input, Body: 'x', ACL }));
    await s3.client.send(new CreateMultipartUploadCommand({ ...input, ACL }));
    await s3.client.send(new PutObjectAclCommand({ ...input, ACL }));
  });

  it('are accepted as GET returns them, and refused with a grant to others', async () => {
    const input = { Bucket: s3.bucket, Key: 'acl-list' };
    await s3.client.send(new PutObjectCommand({ ...input, Body: 'x' }));
    const { Owner, Grants = [] } = await s3.client.send(new GetObjectAclCommand(input));
    const put = (grants: Grant[]) =>
      s3.client.send(new PutObjectAclCommand({ ...input, AccessControlPolicy: { Owner, Grants: grants } }));
    await put(Grants);
    const URI = 'http://acs.amazonaws.com/groups/global/AllUsers';
    const everybody: Grant = { Grantee: { Type: 'Group', URI }, Permission: 'READ' };
    const other: Grant = { Grantee: { Type: 'CanonicalUser', ID: '6'.repeat(64) }, Permission: 'FULL_CONTROL' };
    for (const grants of [[...Grants, everybody], [other], []]) {
      await expect(put(grants)).rejects.toMatchObject({ name: 'AccessControlListNotSupported' });
    }
  });

  it.each(['public-read', 'public-read-write', 'authenticated-read'] as const)('are refused as %s', async (ACL) => {
    const input = { Bucket: s3.bucket, Key: `acl-${ACL}` };
    const refused = { name: 'AccessControlListNotSupported', $metadata: { httpStatusCode: 400 } };
    const put = new PutObjectCommand({ ...input, Body: 'x', ACL });
    await expect(s3.client.send(put)).rejects.toMatchObject(refused);
    await expect(s3.client.send(new PutObjectAclCommand({ ...input, ACL }))).rejects.toMatchObject(refused);
    await expect(s3.client.send(new PutBucketAclCommand({ ...input, ACL }))).rejects.toMatchObject(refused);
    const bucket = new CreateBucketCommand({ Bucket: 'public', ACL });
    await expect(s3.client.send(bucket)).rejects.toMatchObject({ name: 'InvalidBucketAclWithObjectOwnership' });
  });

  it('are refused as grant headers, and with an unknown name', async () => {
    const input = { Bucket: s3.bucket, Key: 'granted', Body: 'x' };
    const granted = new PutObjectCommand({
      ...input,
      GrantRead: 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
    });
    await expect(s3.client.send(granted)).rejects.toMatchObject({ name: 'AccessControlListNotSupported' });
    const unknown = new PutObjectCommand({ ...input, ACL: 'everybody' as 'private' });
    await expect(s3.client.send(unknown)).rejects.toMatchObject({ name: 'InvalidArgument' });
  });
});

import { randomUUID } from 'node:crypto';
import { cp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { startLocalS3 } from '../../../src/local/s3/start-local-s3.ts';
import { complete, md5, s3, uploadDirectories, uploadThree, WHOLE } from './multipart-store.ts';
import { KEYS, newClient, startFixture } from './s3-fixture.ts';

describe('after a crash', () => {
  /** A store on a copy of the files at this moment, as a killed process leaves them. */
  async function crash<Result>(check: (client: S3Client, directory: string) => Promise<Result>): Promise<Result> {
    const directory = `${s3.directory}-${randomUUID()}`;
    await cp(s3.directory, directory, { recursive: true });
    const server = await startLocalS3({ ...KEYS, directory, host: '127.0.0.1', port: 0 });
    const client = newClient(server.url);
    try {
      return await check(client, join(directory, 'buckets', s3.bucket));
    } finally {
      client.destroy();
      await server.close();
      await rm(directory, { recursive: true });
    }
  }

  it('confirmed parts are kept, and the upload can be completed', async () => {
    const { uploadId, parts } = await uploadThree('crashed');
    await crash(async (client) => {
      const input = { Bucket: s3.bucket, Key: 'crashed', UploadId: uploadId };
      expect((await client.send(new ListPartsCommand(input))).Parts).toHaveLength(3);
      await client.send(new CompleteMultipartUploadCommand({ ...input, MultipartUpload: { Parts: parts } }));
      const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'crashed' }));
      expect(md5(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(md5(WHOLE));
    });
  });

  it('between publishing the object and ending the upload, only the whole object remains', async () => {
    const { uploadId, parts } = await uploadThree('halfway');
    const upload = join(s3.directory, 'buckets', s3.bucket, 'uploads', uploadId);
    await cp(upload, `${upload}-copy`, { recursive: true });
    await complete('halfway', uploadId, parts);
    await rename(`${upload}-copy`, upload);
    const input = { Bucket: s3.bucket, Key: 'halfway', UploadId: uploadId };
    const refused = { name: 'NoSuchUpload' };
    await expect(s3.client.send(new AbortMultipartUploadCommand(input))).rejects.toMatchObject(refused);
    await crash(async (client, directory) => {
      expect(await readdir(join(directory, 'uploads'))).not.toContain(uploadId);
      await expect(client.send(new AbortMultipartUploadCommand(input))).rejects.toMatchObject(refused);
      const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'halfway' }));
      expect(md5(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(md5(WHOLE));
    });
  });

  it('old data files that no record names are removed, and those of parts and objects are kept', async () => {
    const { uploadId } = await uploadThree('named');
    const data = join(s3.directory, 'buckets', s3.bucket, 'data');
    const before = await readdir(data);
    const [old, young] = [randomUUID(), randomUUID()];
    for (const name of [old, young]) await writeFile(join(data, name), 'orphan');
    const anHourAgo = new Date(Date.now() - 3_600_000);
    for (const name of [...before, old]) await utimes(join(data, name), anHourAgo, anHourAgo);
    const second = await startFixture({ directory: s3.directory });
    expect((await readdir(data)).sort()).toEqual([...before, young].sort());
    second.client.destroy();
    await second.server.close();
    await rm(join(data, young));
    expect(await uploadDirectories()).toContain(uploadId);
  });
});

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { begin, complete, dataFiles, LAST, md5, s3, sendPart, uploadThree } from './multipart-store.ts';
import { outcome, startFixture } from './s3-fixture.ts';

describe('UploadPart', () => {
  it('accepts only part numbers 1 to 10,000', async () => {
    const uploadId = await begin('numbers');
    for (const PartNumber of [0, -1, 10_001]) {
      await expect(sendPart('numbers', uploadId, PartNumber, LAST)).rejects.toMatchObject({ name: 'InvalidArgument' });
    }
    await sendPart('numbers', uploadId, 10_000, LAST);
  });

  it('refuses a body that differs from its MD5, and stores nothing', async () => {
    const uploadId = await begin('announced');
    const before = await dataFiles();
    const wrong = { ContentMD5: createHash('md5').update('other').digest('base64') };
    await expect(sendPart('announced', uploadId, 1, LAST, wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    expect(await dataFiles()).toBe(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });

  it('refuses a size other than the signed one, and more than 5 GiB', async () => {
    const uploadId = await begin('signed-size');
    const command = new UploadPartCommand({
      Bucket: s3.bucket,
      Key: 'signed-size',
      UploadId: uploadId,
      PartNumber: 1,
      ContentLength: 7,
    });
    const path = await s3.presign(command as never, { signableHeaders: new Set(['host', 'content-length']) });
    expect(outcome(await s3.raw({ method: 'PUT', path, body: Buffer.from('longer than 7') }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(outcome(await s3.raw({ method: 'PUT', path, body: LAST }))).toBe('200');
    const anySize = await s3.presign(new UploadPartCommand({ ...command.input, ContentLength: undefined }) as never);
    const headers = { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' };
    expect(outcome(await s3.raw({ method: 'PUT', path: anySize, headers }))).toBe('400 EntityTooLarge');
  });

  it('refuses the upload id of another key, an unknown id and a path', async () => {
    const uploadId = await begin('bound');
    await expect(sendPart('other-key', uploadId, 1, LAST)).rejects.toMatchObject({ name: 'NoSuchUpload' });
    for (const id of ['', 'x', '../uploads', `../uploads/${uploadId}`, uploadId.toUpperCase(), `${uploadId}/`]) {
      await expect(sendPart('bound', id, 1, LAST)).rejects.toMatchObject({ name: /NoSuchUpload|NotImplemented/ });
    }
  });

  it('answers NoSuchUpload if the upload is aborted while the part arrives', async () => {
    const uploadId = await begin('slow');
    const input = { Bucket: s3.bucket, Key: 'slow', UploadId: uploadId, PartNumber: 1 };
    const path = await s3.presign(new UploadPartCommand(input) as never);
    const before = await dataFiles();
    const { hostname, port } = new URL(s3.server.url);
    const headers = { 'content-length': '10' };
    const outgoing = request({ hostname, port, path, method: 'PUT', headers });
    outgoing.write('first');
    await expect.poll(() => readdir(join(s3.directory, 'incoming'))).toHaveLength(1);
    await s3.client.send(new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: 'slow', UploadId: uploadId }));
    outgoing.end('later');
    const [response] = await once(outgoing, 'response');
    expect(response.statusCode).toBe(404);
    response.resume();
    expect(await dataFiles()).toBe(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });
});

describe('AbortMultipartUpload', () => {
  it('removes the parts and the upload', async () => {
    const before = await dataFiles();
    const { uploadId, parts } = await uploadThree('aborted');
    const abort = new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: 'aborted', UploadId: uploadId });
    expect((await s3.client.send(abort)).$metadata.httpStatusCode).toBe(204);
    expect(await dataFiles()).toBe(before);
    for (const attempt of [
      () => s3.client.send(abort),
      () => sendPart('aborted', uploadId, 1, LAST),
      () => complete('aborted', uploadId, parts),
      () => s3.client.send(new ListPartsCommand({ Bucket: s3.bucket, Key: 'aborted', UploadId: uploadId })),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ name: 'NoSuchUpload', $metadata: { httpStatusCode: 404 } });
    }
  });
});

describe('ListParts', () => {
  it('lists parts in the order of their numbers, in pages', async () => {
    const uploadId = await begin('listed');
    for (const number of [10, 2, 1, 9]) await sendPart('listed', uploadId, number, Buffer.alloc(number, 'a'));
    const input = { Bucket: s3.bucket, Key: 'listed', UploadId: uploadId };
    const all = await s3.client.send(new ListPartsCommand(input));
    expect(all.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 1],
      [2, 2],
      [9, 9],
      [10, 10],
    ]);
    expect(all.Parts?.[0]?.ETag).toBe(`"${md5(Buffer.from('a'))}"`);
    expect([all.IsTruncated, all.MaxParts]).toEqual([false, 1000]);
    const first = await s3.client.send(new ListPartsCommand({ ...input, MaxParts: 3 }));
    expect([first.Parts?.length, first.IsTruncated, first.NextPartNumberMarker]).toEqual([3, true, '9']);
    const second = await s3.client.send(new ListPartsCommand({ ...input, MaxParts: 3, PartNumberMarker: '9' }));
    expect([second.Parts?.map(({ PartNumber }) => PartNumber), second.IsTruncated]).toEqual([[10], false]);
  });
});

describe('ListMultipartUploads', () => {
  it('lists uploads by key, in pages, with common prefixes', async () => {
    const fixture = await startFixture();
    const { client, bucket: Bucket } = fixture;
    for (const Key of ['b/2', 'a', 'b/1', 'a', 'c'])
      await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const keys: string[] = [];
    let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (let pages = 0; pages < 5; pages++) {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1, ...markers }));
      keys.push(...(page.Uploads ?? []).map(({ Key = '' }) => Key));
      expect(page.IsTruncated).toBe(pages < 4);
      markers = { KeyMarker: page.NextKeyMarker ?? '', UploadIdMarker: page.NextUploadIdMarker ?? '' };
    }
    expect(keys).toEqual(['a', 'a', 'b/1', 'b/2', 'c']);
    const rolled = await client.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/' }));
    expect(rolled.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
    expect(rolled.Uploads?.map(({ Key }) => Key)).toEqual(['a', 'a', 'c']);
    const prefixed = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'b/' }));
    expect(prefixed.Uploads?.map(({ Key }) => Key)).toEqual(['b/1', 'b/2']);
    await fixture.stop();
  });
});

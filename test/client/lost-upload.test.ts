import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { Progress, Upload, UploadState } from '../../src/client/create-signpost.ts';
import { holds, host } from './parts-service.ts';
import { createStorage, failureOf, loseAnswer, PART, type Sent, threeParts } from './service-for-clients.ts';

/** Aborts whatever the user has begun, behind the back of the client and of the service. */
const abortInBucket = async (user: string) => {
  const { client: s3, name: Bucket } = host.service.bucket;
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: `${user}/` }));
  expect(Uploads).toHaveLength(1);
  for (const { Key, UploadId } of Uploads) await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
};

/** A client whose upload the bucket forgets when it first sends the given request. */
const losing = (user: string, at: string, lose: (sent: Sent) => Promise<unknown> = () => abortInBucket(user)) =>
  host.client(user, { storage: createStorage(), parallelParts: 1 }, async (sent, send) => {
    if (sent.what !== at || isLost.has(user)) return send();
    isLost.add(user);
    await lose(sent);
    return send();
  });
const isLost = new Set<string>();

describe('an upload that the bucket has forgotten', () => {
  it.each([
    ['before its parts', 'lost-1', 'PUT 1'],
    ['between its parts', 'lost-2', 'PUT 2'],
    ['before it is completed', 'lost-3', 'POST /confirm-upload'],
  ])('begins anew within itself: %s', async (_, user, at) => {
    const client = await losing(user, at);
    const progress: Progress[] = [];
    const file = threeParts();
    const stored = await client.upload(file, { onProgress: (each) => progress.push(each) });
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect(client.count('POST /presign-upload')).toBe(2);
    expect(await host.openUploads(user)).toBe(0);
    // What was lost is told.
    const lowest = progress.findLastIndex(({ sentBytes }) => sentBytes === 0);
    if (at !== 'PUT 1')
      expect(Math.max(...progress.slice(0, lowest).map((each) => each.sentBytes))).toBeGreaterThanOrEqual(PART);
    expect(progress.at(-1)?.sentBytes).toBe(file.size);
  });

  it('is the stored file if it was completed elsewhere', async () => {
    const first = await host.client('lost-4', {}, ({ what }, send) =>
      what === 'POST /confirm-upload' && first.count(what) === 1 ? loseAnswer(send) : send(),
    );
    const file = threeParts();
    await first.upload(file);
    // The second confirmation was told that the upload is gone, or found the file: there is one file.
    expect(first.count('POST /presign-upload')).toBe(1);

    const storage = createStorage();
    let completed: Record<string, unknown> | undefined;
    const client = await host.client('lost-4', { storage, parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 3' && completed === undefined) {
        await (await send()).text();
        const { objectKey, uploadId } = JSON.parse(storage.getItem(storage.key(0) ?? '') ?? '');
        completed = (await host.service.call('lost-4', '/confirm-upload', { objectKey, uploadId })).body;
      }
      return send();
    });
    const stored = await client.upload(threeParts());
    expect(stored.fileId).toBe(completed?.fileId);
    expect(client.count('POST /presign-upload')).toBe(1);
    expect(storage.length).toBe(0);
  });

  it('fails if the bucket forgets every upload', async () => {
    const client = await host.client('lost-5', { parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 1') await abortInBucket('lost-5');
      return send();
    });
    await expect(client.upload(threeParts())).rejects.toMatchObject({
      code: 'bucket-refused',
      detail: 'the bucket answered 404 NoSuchUpload',
    });
    expect(client.count('POST /presign-upload')).toBe(3);
  });

  it('does not begin anew while it is paused', async () => {
    const client = await losing('lost-6', 'PUT 2', async () => {
      await abortInBucket('lost-6');
      upload.pause();
    });
    const upload: Upload = client.upload(threeParts());
    await expect.poll(() => upload.state.status).toBe('paused');
    upload.resume();
    expect(await upload).toMatchObject({ status: 'active' });
    expect(client.count('POST /presign-upload')).toBe(2);
  });
});

describe('a file in one piece that is gone before it is confirmed', () => {
  it('is sent again', async () => {
    const client = await losing('lost-7', 'POST /confirm-upload', async () => {
      const { client: s3, name: Bucket } = host.service.bucket;
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'lost-7/' }));
      expect(Contents).toHaveLength(1);
      await s3.send(new DeleteObjectCommand({ Bucket, Key: Contents[0]?.Key }));
    });
    const stored = await client.upload(new Blob(['small']));
    expect(stored.size).toBe(5);
    expect(client.count('PUT whole')).toBe(2);
  });
});

describe('a file that was refused, whose confirmation had no answer', () => {
  it('is not sent again: its key tells why it was refused', async () => {
    const client = await host.client('lost-8', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /confirm-upload' && client.count(what) === 1 ? loseAnswer(send) : send(),
    );
    const noPicture = new File(['%PDF-1.7'], 'a.png', { type: 'image/png' });
    let objectKey: string | undefined;
    const onState = (state: UploadState) => {
      if (state.status === 'confirming') objectKey = state.objectKey;
    };
    expect(await failureOf(client.upload(noPicture, { onState }))).toMatchObject({ code: 'network-error' });
    expect(await failureOf(client.upload(noPicture, { objectKey }))).toMatchObject({ code: 'verification-failed' });
    expect(client.count('PUT whole')).toBe(1);
  });
});

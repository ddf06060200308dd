import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireConfined } from '../../src/storage/require-confined.ts';
import { type Sent, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { startTestBucket } from '../helpers/test-service.ts';

const UPLOAD = 'nobody/_/_/00000000-0000-7000-8000-000000000000/probe';

/** What a session for `nobody/` may not do, by name. */
const FORBIDDEN: Record<string, (sent: Sent, key: string) => boolean> = {
  'list the bucket': ({ method }, key) => method === 'GET' && key === '',
  'read outside': ({ method }, key) => method === 'GET' && key === 'else/probe',
  'replace outside': ({ method }, key) => method === 'PUT' && key === 'else/probe',
  'remove outside': ({ method }, key) => method === 'DELETE' && key === 'else/probe',
  'copy over uploads': ({ method }, key) => method === 'PUT' && key === UPLOAD,
};

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;
let session: S3Client;
/** What the store in front does not forbid. */
let allowed: string | null;
let isDown = false;
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, async (sent, passOn) => {
    if (isDown) return s3Error(503, 'SlowDown');
    const key = sent.path.slice(`/${bucket.name}/`.length);
    const isForbidden = Object.entries(FORBIDDEN).some(([name, test]) => name !== allowed && test(sent, key));
    return isForbidden ? s3Error(403, 'AccessDenied') : passOn();
  });
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = bucket.env;
  session = new S3Client({
    endpoint: front.url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
});
afterAll(async () => {
  session.destroy();
  await front.stop();
  await bucket.close();
});

const refused = async () => {
  throw Object.assign(new Error('AccessDenied'), { $fault: 'client', $metadata: { httpStatusCode: 403 } });
};
const run = (except: string | null, assumeAgain: () => Promise<unknown> = refused) => {
  allowed = except;
  const trial = { Bucket: bucket.name, prefix: 'nobody/', otherPrefix: 'else/', assumeAgain, own: bucket.client };
  return requireConfined(session, trial);
};

describe('requireConfined', () => {
  it('accepts a store that refuses all of it, and leaves nothing there', async () => {
    await run(null);
    for (const key of ['nobody/probe', 'else/probe', UPLOAD]) expect(await bucket.read(key)).toBeNull();
  });

  it.each([
    ['list the bucket', /does not apply session policies$/],
    ['read outside', /session policies: a session may read other users' objects/],
    ['replace outside', /session policies: a session may replace other users' objects/],
    ['remove outside', /session policies: a session may remove other users' objects/],
    ['copy over uploads', /may copy over files/],
  ])('refuses a store that lets a session %s, and leaves nothing of other users there', async (what, message) => {
    await expect(run(what)).rejects.toThrow(message);
    for (const key of ['nobody/probe', 'else/probe']) expect(await bucket.read(key)).toBeNull();
  });

  it('refuses a role that its sessions may assume again', async () => {
    await expect(run(null, async () => 'credentials')).rejects.toThrow('may assume it again');
  });

  it('does not take a missing answer as proof', async () => {
    isDown = true;
    await expect(run(null)).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    isDown = false;
  });
});

import { createServer } from 'node:http';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createS3Client } from '../../src/storage/create-s3-client.ts';
import { listen } from '../helpers/listen.ts';

/** Its answers come a byte at a time, and never end. */
const dripping = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'a' });
  const drip = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(drip));
});
let endpoint: string;
beforeAll(async () => {
  endpoint = await listen(dripping);
});
afterAll(() => {
  dripping.close();
  dripping.closeAllConnections();
});

it('an answer that never pauses and never ends is an error all the same', async () => {
  const client = createS3Client(
    {
      name: 'bucket',
      region: 'us-east-1',
      endpoint,
      forcePathStyle: true,
      useDualstackEndpoint: false,
      useAccelerateEndpoint: false,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    },
    { answerWithinMs: 200 },
  );
  await expect(client.send(new ListObjectsV2Command({ Bucket: 'bucket' }))).rejects.toThrow(
    'not complete within 400 ms',
  );
  client.destroy();
});

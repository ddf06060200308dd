import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutBucketNotificationConfigurationCommand,
} from '@aws-sdk/client-s3';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALGORITHM,
  amzDate,
  canonicalizeHeaders,
  canonicalRequest,
  credentialScope,
  signature,
  signingKey,
  stringToSign,
} from '../../src/signing/sigv4.ts';
import { listen } from '../helpers/listen.ts';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

const SECRET = 'the-secret-of-bucket-events';
/** Ceph looks for new queues every 30 s. */
const WITHIN_MS = 45_000;

let service: TestService;
let server: ServerType;
let topicArn: string | undefined;
/** Statuses to answer instead of passing the delivery to the service. */
const failures: number[] = [];
/** How each delivery was answered. */
const deliveries: string[] = [];

beforeAll(async () => {
  service = await startTestService({ env: { EVENTS_SECRET: SECRET } });
  server = createAdaptorServer({
    fetch: async (request) => {
      const status = failures.shift();
      const answer = status ? new Response(null, { status }) : await service.app.fetch(request);
      deliveries.push(`${answer.status} ${await answer.clone().text()}`);
      return answer;
    },
  });
  const url = await listen(server);

  const { client, name: Bucket } = service.bucket;
  topicArn = /<TopicArn>(.+?)</.exec(
    await callTopics({
      Action: 'CreateTopic',
      Name: Bucket,
      'Attributes.entry.1.key': 'persistent',
      'Attributes.entry.1.value': 'true',
      'Attributes.entry.2.key': 'push-endpoint',
      'Attributes.entry.2.value': `${url}/events/s3?secret=${SECRET}`,
    }),
  )?.[1];
  const topic = { Id: 'uploads', TopicArn: topicArn, Events: ['s3:ObjectCreated:*' as const] };
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { TopicConfigurations: [topic] },
    }),
  );
});
afterAll(async () => {
  if (topicArn !== undefined) await callTopics({ Action: 'DeleteTopic', TopicArn: topicArn });
  server.close();
  await service.close();
});

/** Ceph serves the SNS API on its own endpoint ("Bucket Notifications"); requests sign their body. */
async function callTopics(parameters: Record<string, string>): Promise<string> {
  const { endpoint, env } = service.bucket;
  const body = new URLSearchParams(parameters).toString();
  const date = amzDate(new Date());
  const { canonicalHeaders, signedHeaders } = canonicalizeHeaders({ host: new URL(endpoint).host, 'x-amz-date': date });
  const request = canonicalRequest({
    method: 'POST',
    canonicalUri: '/',
    canonicalQueryString: '',
    canonicalHeaders,
    signedHeaders,
    hashedPayload: createHash('sha256').update(body).digest('hex'),
  });
  const scope = credentialScope(date.slice(0, 8), 'us-east-1', 'sns');
  const key = signingKey(env.AWS_SECRET_ACCESS_KEY, date.slice(0, 8), 'us-east-1', 'sns');
  const signed = `Credential=${env.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${signedHeaders}`;
  const response = await fetch(endpoint, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-amz-date': date,
      authorization: `${ALGORITHM} ${signed}, Signature=${signature(key, stringToSign(date, scope, request))}`,
    },
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text;
}

/** Waits until the service has the file, and returns it. No client confirms it. */
async function fileOf(fileId: string) {
  const found = async () => {
    const { status, body } = await service.call('alice', `/files/${fileId}`);
    expect(status, deliveries.join('\n')).toBe(200);
    return body;
  };
  await expect.poll(found, { timeout: WITHIN_MS, interval: 200 }).toMatchObject({ fileId });
  return found();
}

describe("Ceph's bucket notifications", { timeout: 2 * WITHIN_MS }, () => {
  const text = { fileName: 'büro plan.txt', contentType: 'text/plain', size: 5, metadata: { source: 'scanner-3' } };

  it('confirm an upload that its client did not confirm', async () => {
    const upload = await service.presign('alice', text);
    expect((await service.put(upload, 'hello')).status).toBe(200);
    const file = await fileOf(upload.fileId);
    expect(file).toMatchObject({ ...text, objectKey: upload.objectKey });
    const confirmed = await service.confirm('alice', upload.objectKey);
    expect([confirmed.status, confirmed.body]).toEqual([200, file]);
  });

  it('are repeated after a 503', async () => {
    failures.push(503, 503);
    const upload = await service.presign('alice', text);
    expect((await service.put(upload, 'hello')).status).toBe(200);
    expect(await fileOf(upload.fileId)).toMatchObject(text);
    expect(failures).toEqual([]);
  });

  it('confirm a form, and ignore the event of its verified copy', async () => {
    const request = { ...text, method: 'POST' };
    const { body } = await service.call<{ fileId: string; presignedUrl: string; fields: Record<string, string> }>(
      'alice',
      '/presign-upload',
      request,
    );
    const form = new FormData();
    for (const [name, value] of Object.entries(body.fields)) form.append(name, value);
    form.append('file', new Blob(['hello']), 'a.txt');
    expect((await fetch(body.presignedUrl, { method: 'POST', body: form })).status).toBe(204);
    expect(await fileOf(body.fileId)).toMatchObject(text);
    await expect.poll(() => deliveries.at(-1), { timeout: WITHIN_MS }).toContain('"ignored":1');
  });

  it('confirm a multipart upload that was completed but not confirmed', async () => {
    const request = { ...text, method: 'MULTIPART' };
    type Parts = { fileId: string; objectKey: string; parts: { presignedUrl: string }[] };
    const { body } = await service.call<Parts>('alice', '/presign-upload', request);
    const sent = await fetch(body.parts[0]?.presignedUrl ?? '', { method: 'PUT', body: 'hello' });
    const { client, name: Bucket } = service.bucket;
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: body.objectKey }));
    await client.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: body.objectKey,
        UploadId: Uploads?.[0]?.UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: sent.headers.get('etag') ?? '' }] },
      }),
    );
    expect(await fileOf(body.fileId)).toMatchObject(text);
  });

  it('reject an object that differs from what was signed, and are not repeated', async () => {
    const upload = await service.presign('alice', { ...text, fileName: 'a.png', contentType: 'image/png' });
    const before = deliveries.length;
    expect((await service.put(upload, '<p>hi')).status).toBe(200);
    await expect.poll(() => deliveries.slice(before).join(), { timeout: WITHIN_MS }).toMatch(/^200 .*"refused":1}$/);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    expectProblem(await service.confirm('alice', upload.objectKey), 422, 'verification-failed');
  });
});

import { afterAll, beforeAll, expect } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { createSigner, TOPIC } from '../bucket-events/sign-sns-message.ts';
import { holdAnswers } from '../helpers/hold-answers.ts';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  startTestBucket,
  startTestService,
  type TestService,
  type Upload,
} from '../helpers/test-service.ts';

export const SECRET = 'the secret of bucket events';
export const AUTHORIZED = { authorization: `Bearer ${SECRET}` };
export const SIGNED = {
  'x-amz-sns-message-type': 'Notification',
  'x-amz-sns-topic-arn': TOPIC,
  'content-type': 'text/plain; charset=UTF-8',
};
export const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
export const NOTHING = { confirmed: 0, known: 0, ignored: 0, refused: 0 };

export const sns = createSigner();
export const downloads: string[] = [];
/** The result of a download: the certificate, unless a test changes it. */
export const download = { result: async () => sns.pem };

/** Started for the test file that imports this. */
export let service: TestService;
export let app: ReturnType<typeof createApp>;
export let relay: Awaited<ReturnType<typeof startRelay>>;
export let bucket: Awaited<ReturnType<typeof startTestBucket>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  relay = await startRelay(bucket.endpoint);
  service = await startTestService({
    // Only the service uses the relay: its clients reach the bucket.
    env: {
      ...bucket.env,
      S3_ENDPOINT: relay.url,
      S3_PUBLIC_ENDPOINT: bucket.endpoint,
      EVENTS_SECRET: SECRET,
      EVENTS_SNS_TOPICS: TOPIC,
    },
  });
  app = holdAnswers(
    createApp({
      ...service.services,
      download: (url) => {
        downloads.push(url);
        return download.result();
      },
    }),
  );
});
afterAll(async () => {
  await service.close();
  await relay.goAway();
  await bucket.close();
});

export async function send(body: unknown, headers: Record<string, string> = AUTHORIZED, path = '/events/s3') {
  const response = await app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null } as Answer;
}

export const place = (key: string, name = bucket.name) => ({ bucket: { name }, object: { key } });
export const records = (key: string, eventName = 'ObjectCreated:Put') => ({
  Records: [{ eventVersion: '2.2', eventSource: 'aws:s3', eventName, s3: { s3SchemaVersion: '1.0', ...place(key) } }],
});
export const eventBridge = (key: string, type = 'Object Created') => ({
  version: '0',
  id: '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': type,
  source: 'aws.s3',
  resources: [],
  detail: { version: '0', ...place(key), reason: 'PutObject' },
});

/** An unconfirmed upload in the bucket. */
export async function arrived(
  request: Record<string, unknown> = {},
  user = 'alice',
  content = 'hello',
): Promise<Upload> {
  const upload = await service.presign(user, { ...TEXT, ...request });
  expect((await service.put(upload, content)).status).toBe(200);
  return upload;
}

export const expectCounts = (answer: Answer, counts: Partial<typeof NOTHING>) =>
  expect([answer.status, answer.body]).toEqual([200, { ...NOTHING, ...counts }]);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { createSigner, signSnsMessage, TOPIC } from '../bucket-events/sign-sns-message.ts';
import { holdAnswers } from '../helpers/hold-answers.ts';
import { startRelay } from '../helpers/relay.ts';
import {
  type Answer,
  expectProblem,
  startTestBucket,
  startTestService,
  type TestService,
  type Upload,
} from '../helpers/test-service.ts';

const SECRET = 'the secret of bucket events';
const AUTHORIZED = { authorization: `Bearer ${SECRET}` };
const SIGNED = {
  ...{ 'x-amz-sns-message-type': 'Notification', 'x-amz-sns-topic-arn': TOPIC },
  'content-type': 'text/plain; charset=UTF-8',
};
const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const NOTHING = { confirmed: 0, known: 0, ignored: 0, refused: 0 };

const sns = createSigner();
const downloads: string[] = [];
/** The result of a download: the certificate, unless a test changes it. */
let downloaded: () => Promise<string>;

let service: TestService;
let app: ReturnType<typeof createApp>;
let relay: Awaited<ReturnType<typeof startRelay>>;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  relay = await startRelay(bucket.endpoint);
  service = await startTestService({
    // Only the service uses the relay: its clients reach the bucket.
    env: {
      ...bucket.env,
      ...{ S3_ENDPOINT: relay.url, S3_PUBLIC_ENDPOINT: bucket.endpoint },
      ...{ EVENTS_SECRET: SECRET, EVENTS_SNS_TOPICS: TOPIC },
    },
  });
  downloaded = async () => sns.pem;
  app = holdAnswers(
    createApp({
      ...service.services,
      download: (url) => {
        downloads.push(url);
        return downloaded();
      },
    }),
  );
});
afterAll(async () => {
  await service.close();
  await relay.goAway();
  await bucket.close();
});

async function send(body: unknown, headers: Record<string, string> = AUTHORIZED, path = '/events/s3') {
  const response = await app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null } as Answer;
}

const place = (key: string, name = bucket.name) => ({ bucket: { name }, object: { key } });
const records = (key: string, eventName = 'ObjectCreated:Put') => ({
  Records: [{ eventVersion: '2.2', eventSource: 'aws:s3', eventName, s3: { s3SchemaVersion: '1.0', ...place(key) } }],
});
const eventBridge = (key: string, type = 'Object Created') => ({
  ...{ version: '0', id: '17793124-05d4-b198-2fde-7ededc63b103', 'detail-type': type, source: 'aws.s3', resources: [] },
  detail: { version: '0', ...place(key), reason: 'PutObject' },
});

/** An unconfirmed upload in the bucket. */
async function arrived(request: Record<string, unknown> = {}, user = 'alice', content = 'hello'): Promise<Upload> {
  const upload = await service.presign(user, { ...TEXT, ...request });
  expect((await service.put(upload, content)).status).toBe(200);
  return upload;
}

const expectCounts = (answer: Answer, counts: Partial<typeof NOTHING>) =>
  expect([answer.status, answer.body]).toEqual([200, { ...NOTHING, ...counts }]);

describe('POST /events/s3', () => {
  it.each([
    ['S3', (key: string) => records(key)],
    ['S3, of a form', (key: string) => records(key, 'ObjectCreated:Post')],
    ['S3, of an upload in parts', (key: string) => records(key, 'ObjectCreated:CompleteMultipartUpload')],
    ['Ceph', (key: string) => records(key, 's3:ObjectCreated:Put')],
    [
      'MinIO',
      (key: string) => ({
        ...{ EventName: 's3:ObjectCreated:Put', Key: `${bucket.name}/${key}` },
        ...records(encodeURIComponent(key), 's3:ObjectCreated:Put'),
      }),
    ],
    ['EventBridge', (key: string) => eventBridge(key)],
  ])('confirms an upload reported by %s, once', async (_, event) => {
    const { fileId, objectKey } = await arrived({ recordId: 'case-42', metadata: { source: 'scanner-3' } }, '用户一');
    expectCounts(await send(event(objectKey)), { confirmed: 1 });
    const file = await service.call('用户一', `/files/${fileId}`);
    expect(file.body).toMatchObject({ ...TEXT, objectKey, recordId: 'case-42', metadata: { source: 'scanner-3' } });
    expectCounts(await send(event(objectKey)), { known: 1 });
    const confirmed = await service.confirm('用户一', objectKey);
    expect([confirmed.status, confirmed.body]).toEqual([200, file.body]);
  });

  it('makes one row despite simultaneous events and confirmations', async () => {
    const { objectKey } = await arrived();
    const both = () => [service.confirm('alice', objectKey), send(records(objectKey))];
    const answers = await Promise.all(Array.from({ length: 10 }, both).flat());
    const created = answers.filter(({ status, body }) => status === 201 || body.confirmed === 1);
    const known = answers.filter(({ status, body }) => status === 200 && (body.known === 1 || 'fileId' in body));
    expect([created.length, known.length]).toEqual([1, 19]);
    expect(await bucket.read(objectKey)).not.toBeNull();
  });

  it('handles each event of a message separately', async () => {
    const [good, lie, absent] = await Promise.all([
      arrived(),
      arrived({ fileName: 'a.png', contentType: 'image/png' }, 'alice', '<p>hi'),
      service.presign('alice', TEXT),
    ]);
    const Records = [lie, absent, good, good].flatMap(({ objectKey }) => records(objectKey).Records);
    expectCounts(await send({ Records }), { refused: 2, confirmed: 1, known: 1 });
    expect(await bucket.read(lie.objectKey)).toBeNull();
    expect(await bucket.read(good.objectKey)).not.toBeNull();
  });

  it('keeps the reasons of a refusal for a client that confirms later', async () => {
    const { objectKey } = await arrived({ fileName: 'a.png', contentType: 'image/png' }, 'alice', '<p>hi');
    expectCounts(await send(records(objectKey)), { refused: 1 });
    for (let n = 0; n < 2; n++) {
      const answer = await service.confirm('alice', objectKey);
      expectProblem(answer, 422, 'verification-failed');
      expect(answer.body.errors).toMatchObject([{ path: 'contentType' }]);
      expectCounts(await send(records(objectKey)), { refused: 1 });
    }
  });

  it('ignores other buckets and keys, copies of verified uploads, and removals', async () => {
    const { fileId, objectKey } = await arrived();
    const elsewhere = { eventName: 'ObjectCreated:Put', s3: place(objectKey, 'another-bucket') };
    const keys = [
      'x',
      '',
      '100%',
      `.verified/${fileId}/${objectKey}`,
      `${objectKey}/`,
      `/${objectKey}`,
      'alice/_/_/x/y',
    ];
    const Records = [elsewhere, ...keys.flatMap((key) => records(key).Records)];
    Records.push(...records(objectKey, 'ObjectRemoved:Delete').Records);
    Records.push(...records(objectKey, 's3:ObjectRemoved:ObjectCreated:Put').Records);
    expectCounts(await send({ Records }), { ignored: Records.length });
    expectCounts(await send(eventBridge(objectKey, 'Object Deleted')), { ignored: 1 });
    expect((await service.call('alice', `/files/${fileId}`)).status).toBe(404);
  });

  it('is in the audit log of the owner, under its own name and with its request', async () => {
    const { fileId, objectKey } = await arrived({}, 'dora');
    await send(records(objectKey), { ...AUTHORIZED, 'x-request-id': 'delivery-1' });
    const { body } = await service.call<{ events: unknown[] }>('dora', '/audit');
    expect(body.events).toMatchObject([
      {
        actorId: '\u001fbucket-events',
        userId: 'dora',
        action: 'upload.confirm',
        outcome: 'ok',
        fileId,
        requestId: 'delivery-1',
      },
    ]);
  });

  it('answers 204 to the test event of S3', async () => {
    const test = { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: bucket.name };
    expect((await send(test)).status).toBe(204);
  });

  it('requests another delivery while the bucket is gone, and confirms then', async () => {
    const { objectKey } = await arrived();
    await relay.goAway();
    const answer = await send(records(objectKey));
    expectProblem(answer, 503, 'storage-unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await relay.comeBack();
    expectCounts(await send(records(objectKey)), { confirmed: 1 });
  });

  it.each([
    ['an unknown format', {}],
    ['a list', []],
    ['null', null],
    ['a record without a key', { Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'b' } } }] }],
    ['an event of another source', { 'detail-type': 'Object Created', source: 'aws.ec2', detail: place('x', 'b') }],
    ['invalid JSON', '{"Records":'],
  ])('refuses %s', async (_, body) => {
    expectProblem(await send(body), 400, 'invalid-request');
  });

  it('refuses other types and bodies over 1 MiB', async () => {
    const form = { ...AUTHORIZED, 'content-type': 'application/x-www-form-urlencoded' };
    expectProblem(await send('Records=', form), 415, 'unsupported-media-type');
    const length = { ...AUTHORIZED, 'content-length': String(1024 ** 2 + 1) };
    expectProblem(await send('{}', length), 413, 'body-too-large');
    expectProblem(await send('{}', { ...SIGNED, 'content-length': String(1024 ** 2 + 1) }), 413, 'body-too-large');
  });

  it('does not exist without a setting', async () => {
    const config = { ...service.services.config, events: { secrets: [], snsTopics: [] } };
    const response = await createApp({ ...service.services, config }).request('/events/s3', {
      method: 'POST',
      headers: AUTHORIZED,
    });
    expect([response.status, await response.json()]).toMatchObject([404, { code: 'route-not-found' }]);
  });
});

describe('the secret', () => {
  it.each([
    ['none', {}],
    ['another', { authorization: 'Bearer the secret of bucket eventz' }],
    ['a part of it', { authorization: 'Bearer the secret of' }],
    ['it under another scheme', { authorization: `Basic ${btoa(`x:${SECRET}`)}` }],
    ['none, in an unsigned raw message of SNS', { ...SIGNED, 'x-amz-sns-rawdelivery': 'true' }],
  ])('is required: %s is a 401 for any body', async (_, headers) => {
    const answer = await send('not even JSON', headers);
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('is not accepted as a token, nor a token as the secret', async () => {
    const body = records('x');
    expectProblem(await service.call('alice', '/events/s3', body), 401, 'unauthenticated');
    expectProblem(await service.call('alice', '/files', undefined, { headers: AUTHORIZED }), 401, 'unauthenticated');
  });

  it('may come in the query, which is never logged', async () => {
    const { objectKey } = await arrived();
    const path = `/events/s3?secret=${encodeURIComponent(SECRET)}`;
    expectProblem(await send(records(objectKey), {}, `${path}x`), 401, 'unauthenticated');
    expectCounts(await send(records(objectKey), {}, path), { confirmed: 1 });
    expectCounts(await send(records(objectKey), { ...SIGNED, 'x-amz-sns-rawdelivery': 'true' }, path), { known: 1 });
    expect(JSON.stringify(service.logs)).toContain('/events/s3');
    expect(JSON.stringify(service.logs)).not.toContain('secret');
  });

  it('does not replace a signature, nor does a listed topic replace the secret', async () => {
    const message = { ...signSnsMessage(sns), Signature: 'AAAA' };
    expectProblem(await send(message, { ...SIGNED, ...AUTHORIZED }), 401, 'unauthenticated');
    const config = { ...service.services.config, events: { secrets: [], snsTopics: [TOPIC] } };
    const response = await createApp({ ...service.services, config }).request('/events/s3?secret=null', {
      ...{ method: 'POST', headers: { ...AUTHORIZED, 'content-type': 'application/json' } },
      body: JSON.stringify(records('x')),
    });
    expect(response.status).toBe(401);
  });
});

describe('a message of SNS', () => {
  it.each([
    ['S3', '1', (key: string) => records(key)],
    ['S3', '2', (key: string) => records(key)],
    ['EventBridge', '2', (key: string) => eventBridge(key)],
  ])('confirms an upload reported by %s, with signature version %s', async (_, SignatureVersion, event) => {
    const { fileId, objectKey } = await arrived();
    const message = signSnsMessage(sns, { SignatureVersion, Message: JSON.stringify(event(objectKey)) });
    expectCounts(await send(message, SIGNED), { confirmed: 1 });
    expect((await service.call('alice', `/files/${fileId}`)).status).toBe(200);
  });

  it('answers 204 to the test event that S3 sends through it', async () => {
    const Message = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: bucket.name });
    expect((await send(signSnsMessage(sns, { Message }), SIGNED)).status).toBe(204);
  });

  it('confirms nothing if it was changed, or its topic is not listed', async () => {
    const { fileId, objectKey } = await arrived();
    const Message = JSON.stringify(records(objectKey));
    expectProblem(await send({ ...signSnsMessage(sns), Message }, SIGNED), 401, 'unauthenticated');
    expectProblem(await send(signSnsMessage(createSigner(), { Message }), SIGNED), 401, 'unauthenticated');
    expectProblem(await send(signSnsMessage(sns, { Message, TopicArn: `${TOPIC}2` }), SIGNED), 403, 'forbidden');
    expect((await service.call('alice', `/files/${fileId}`)).status).toBe(404);
  });

  it('is not even read if its header names another topic or none', async () => {
    const { 'x-amz-sns-topic-arn': _, ...none } = SIGNED;
    expectProblem(await send('not even JSON', none), 403, 'forbidden');
    expectProblem(await send('not even JSON', { ...SIGNED, 'x-amz-sns-topic-arn': `${TOPIC}2` }), 403, 'forbidden');
  });

  it.each(['hello', '{}', '[1]'])('is refused with the text %j', async (Message) => {
    expectProblem(await send(signSnsMessage(sns, { Message }), SIGNED), 400, 'invalid-request');
  });

  it.each(['Message', 'TopicArn', 'Signature', 'SigningCertURL', 'Timestamp', 'Type'])('needs %s', async (name) => {
    const answer = await send({ ...signSnsMessage(sns), [name]: undefined }, SIGNED);
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toMatchObject([{ path: name }]);
  });
});

describe('a subscription of SNS', () => {
  const SubscribeURL = `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336`;
  const subscription = { Type: 'SubscriptionConfirmation', Subject: undefined, Token: '2336', SubscribeURL };
  const headers = { ...SIGNED, 'x-amz-sns-message-type': 'SubscriptionConfirmation' };

  it('is confirmed if its topic is listed and SNS signed it', async () => {
    downloads.length = 0;
    expect((await send(signSnsMessage(sns, subscription), headers)).status).toBe(204);
    expect(downloads.filter((url) => !url.endsWith('.pem'))).toEqual([SubscribeURL]);
  });

  it('is requested again if SNS does not accept the confirmation', async () => {
    downloaded = () => Promise.reject(new Error('down'));
    expectProblem(await send(signSnsMessage(sns, subscription), headers), 503, 'keys-unavailable');
    downloaded = async () => sns.pem;
  });

  it('is not confirmed for other topics or at other URLs, or after it has ended', async () => {
    downloads.length = 0;
    const refused = [
      [{ TopicArn: `${TOPIC}2` }, 403],
      [{ SubscribeURL: 'http://169.254.169.254/latest/meta-data/' }, 400],
      [{ SubscribeURL: SubscribeURL.replace('amazonaws.com', 'amazonaws.com.evil.example') }, 400],
      [{ SubscribeURL: SubscribeURL.replace('ConfirmSubscription', 'Unsubscribe') }, 400],
      [{ Type: 'UnsubscribeConfirmation' }, 204],
    ] as const;
    for (const [fields, status] of refused) {
      expect((await send(signSnsMessage(sns, { ...subscription, ...fields }), headers)).status).toBe(status);
    }
    const forged = signSnsMessage(createSigner(), subscription);
    expectProblem(await send(forged, headers), 401, 'unauthenticated');
    expect(downloads.filter((url) => !url.endsWith('.pem'))).toEqual([]);
  });
});

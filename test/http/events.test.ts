import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { signSnsMessage, TOPIC } from '../bucket-events/sign-sns-message.ts';
import { expectProblem } from '../helpers/test-service.ts';
import {
  AUTHORIZED,
  arrived,
  bucket,
  eventBridge,
  expectCounts,
  place,
  records,
  relay,
  SECRET,
  SIGNED,
  send,
  service,
  sns,
  TEXT,
} from './events-service.ts';

describe('POST /events/s3', () => {
  it.each([
    ['S3', (key: string) => records(key)],
    ['S3, of a form', (key: string) => records(key, 'ObjectCreated:Post')],
    ['S3, of an upload in parts', (key: string) => records(key, 'ObjectCreated:CompleteMultipartUpload')],
    ['Ceph', (key: string) => records(key, 's3:ObjectCreated:Put')],
    [
      'MinIO',
      (key: string) => ({
        EventName: 's3:ObjectCreated:Put',
        Key: `${bucket.name}/${key}`,
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
      method: 'POST',
      headers: { ...AUTHORIZED, 'content-type': 'application/json' },
      body: JSON.stringify(records('x')),
    });
    expect(response.status).toBe(401);
  });
});

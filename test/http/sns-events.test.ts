import { describe, expect, it } from 'vitest';
import { createSigner, signSnsMessage, TOPIC } from '../bucket-events/sign-sns-message.ts';
import { expectProblem } from '../helpers/test-service.ts';
import {
  arrived,
  bucket,
  download,
  downloads,
  eventBridge,
  expectCounts,
  records,
  SIGNED,
  send,
  service,
  sns,
} from './events-service.ts';

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

  it('is not read if its header names another topic or no topic', async () => {
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
    download.result = () => Promise.reject(new Error('down'));
    expectProblem(await send(signSnsMessage(sns, subscription), headers), 503, 'keys-unavailable');
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

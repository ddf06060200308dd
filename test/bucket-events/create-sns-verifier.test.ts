import { describe, expect, it } from 'vitest';
import { createSnsVerifier } from '../../src/bucket-events/create-sns-verifier.ts';
import { snsMessage, snsOrigin } from '../../src/bucket-events/sns-message.ts';
import { CERTIFICATE_URL, createSigner, signSnsMessage, TOPIC } from './sign-sns-message.ts';

const sns = createSigner();
const stranger = createSigner();

/** A verifier for which every URL has `pem`, and the URLs that it downloaded. */
function start(options: { pem?: string; topics?: string[]; now?: () => Date } = {}) {
  const asked: string[] = [];
  const verify = createSnsVerifier({
    topics: options.topics ?? [TOPIC],
    download: async (url) => {
      asked.push(url);
      return options.pem ?? sns.pem;
    },
    now: options.now ?? (() => new Date()),
  });
  return { asked, verify: (message: unknown) => verify(snsMessage.parse(message)) };
}

const subscription = {
  Type: 'SubscriptionConfirmation',
  Subject: undefined,
  Token: '2336412f37',
  SubscribeURL: 'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37',
};

describe('a message of a listed topic', () => {
  it.each([
    ['with SHA-1', { SignatureVersion: '1' }],
    ['with SHA-256', { SignatureVersion: '2' }],
    ['without a subject', { Subject: undefined }],
    ['of several lines and scripts', { Message: 'Größe\n値\nType\nNotification' }],
    ['that confirms a subscription', subscription],
    ['that ends a subscription', { ...subscription, Type: 'UnsubscribeConfirmation' }],
  ])('verifies %s', async (_, fields) => {
    await start().verify(signSnsMessage(sns, fields));
  });

  it('causes one download of the certificate, also for many messages at once', async () => {
    const { verify, asked } = start();
    await Promise.all(Array.from({ length: 20 }, () => verify(signSnsMessage(sns))));
    await verify(signSnsMessage(sns, { Message: 'another' }));
    expect(asked).toEqual([CERTIFICATE_URL]);
  });

  it.each(['Message', 'MessageId', 'Subject', 'Timestamp', 'Type'])('is refused with a changed %s', async (field) => {
    const other = field === 'Timestamp' ? new Date(Date.now() - 1).toISOString() : 'other';
    const message = { ...subscription, Subject: 'Subject', ...signSnsMessage(sns), [field]: other };
    if (field === 'Type') message.Type = 'SubscriptionConfirmation';
    await expect(start().verify(message)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it.each(['SubscribeURL', 'Token'])('is refused with a changed %s of its subscription', async (field) => {
    const message = { ...signSnsMessage(sns, subscription), [field]: 'https://example.com/' };
    await expect(start().verify(message)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('is refused with another signer', async () => {
    await expect(start().verify(signSnsMessage(stranger))).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('is refused with a SHA-1 signature that claims SHA-256', async () => {
    const message = { ...signSnsMessage(sns, { SignatureVersion: '1' }), SignatureVersion: '2' };
    await expect(start().verify(message)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('is refused after an hour, before anything is downloaded', async () => {
    const message = signSnsMessage(sns);
    const after = (ms: number) => start({ now: () => new Date(Date.parse(message.Timestamp ?? '') + ms) });
    await after(3_600_000).verify(message);
    const late = after(3_600_001);
    await expect(late.verify(message)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(late.asked).toEqual([]);
  });

  it.each([-2, 2])('is refused with a certificate that is valid %i days from now', async (days) => {
    const other = createSigner(new Date(Date.now() + days * 86_400_000));
    await expect(start({ pem: other.pem }).verify(signSnsMessage(other))).rejects.toMatchObject({
      code: 'unauthenticated',
      message: 'the certificate is not valid now',
    });
  });
});

describe('the certificate', () => {
  it.each([
    'http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem',
    'https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0a1b2c.pem',
    'https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0a1b2c.pem',
    'https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0a1b2c.pem',
    'https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-0a1b2c.pem',
    'https://s3.eu-central-1.amazonaws.com/sns/SimpleNotificationService-0a1b2c.pem',
    'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem',
    'https://sns.eu-central-1.amazonaws.com.cn/SimpleNotificationService-0a1b2c.pem',
    'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem?x=.pem',
    'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-/../?Action=x&y=.pem',
    'https://sns.eu-central-1.amazonaws.com/?Action=ListTopics&x=.pem',
    'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem\n',
    'https://169.254.169.254/SimpleNotificationService-0a1b2c.pem',
    'file:///etc/passwd',
    '',
  ])('is not downloaded from %j', async (SigningCertURL) => {
    const { verify, asked } = start();
    await expect(verify(signSnsMessage(sns, { SigningCertURL }))).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(asked).toEqual([]);
  });

  it('is not downloaded if the topic is not listed', async () => {
    const { verify, asked } = start();
    for (const TopicArn of [`${TOPIC}2`, TOPIC.toUpperCase(), 'arn:aws:sns:evil.example/:123456789012:uploads', '']) {
      await expect(verify(signSnsMessage(sns, { TopicArn }))).rejects.toMatchObject({ code: 'forbidden' });
    }
    expect(asked).toEqual([]);
  });

  it("is in the topic's region and partition", () => {
    expect(snsOrigin('arn:aws-cn:sns:cn-north-1:123456789012:a')).toBe('https://sns.cn-north-1.amazonaws.com.cn');
    expect(snsOrigin('arn:aws-us-gov:sns:us-gov-west-1:123456789012:a')).toBe(
      'https://sns.us-gov-west-1.amazonaws.com',
    );
  });

  it('is downloaded again for the next message after a failure', async () => {
    const answers = [() => Promise.reject(new Error('down')), async () => '<html>', async () => sns.pem];
    const verify = createSnsVerifier({
      topics: [TOPIC],
      now: () => new Date(),
      download: () => answers.shift()?.() ?? Promise.reject(new Error('asked once more')),
    });
    const message = snsMessage.parse(signSnsMessage(sns));
    await expect(verify(message)).rejects.toMatchObject({ code: 'keys-unavailable' });
    await expect(verify(message)).rejects.toMatchObject({ code: 'keys-unavailable' });
    await verify(message);
    await verify(message);
  });

  it('is downloaded under at most four invented names at once', async () => {
    const asked: string[] = [];
    const pending: (() => void)[] = [];
    const verify = createSnsVerifier({
      topics: [TOPIC],
      now: () => new Date(),
      download: (url) => {
        asked.push(url);
        return new Promise((_, reject) => pending.push(() => reject(new Error('no such certificate'))));
      },
    });
    const flood = Array.from({ length: 50 }, (_, i) => {
      const SigningCertURL = CERTIFICATE_URL.replace('0a1b2c', `made${i}up`);
      return expect(verify(snsMessage.parse(signSnsMessage(stranger, { SigningCertURL })))).rejects.toMatchObject({
        code: 'keys-unavailable',
      });
    });
    expect(asked.length).toBe(4);
    for (const fail of pending.splice(0)) fail();
    await Promise.all(flood);
    const next = expect(verify(snsMessage.parse(signSnsMessage(sns)))).rejects.toMatchObject({
      code: 'keys-unavailable',
    });
    expect(asked.at(-1)).toBe(CERTIFICATE_URL);
    for (const fail of pending.splice(0)) fail();
    await next;
  });
});

import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createWebhookSigner } from '../../src/webhooks/sign-webhook.ts';

const secretOf = (byte: number, sizeBytes = 32) => `whsec_${Buffer.alloc(sizeBytes, byte).toString('base64')}`;
const BODY = '{"type":"file.confirmed","data":{"fileName":"Łódź 📄.pdf"}}';

describe('createWebhookSigner', () => {
  it('signs as the example of the specification', () => {
    const sign = createWebhookSigner(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']);
    expect(sign('msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_999, '{"test": 2432232314}')).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is verified by the package standardwebhooks, with keys of 24 to 64 bytes', () => {
    for (const secret of [secretOf(1, 24), secretOf(2), secretOf(3, 64)]) {
      const headers = createWebhookSigner([secret])('an-id', Date.now(), BODY);
      expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
    }
  });

  it('signs with every secret, so that each receiver finds the one that it knows', () => {
    const headers = createWebhookSigner([secretOf(1), secretOf(2)])('an-id', Date.now(), BODY);
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const known of [secretOf(1), secretOf(2)]) new Webhook(known).verify(BODY, headers);
    expect(() => new Webhook(secretOf(3)).verify(BODY, headers)).toThrow('No matching signature');
  });

  it('signs id, time and body', () => {
    const headers = createWebhookSigner([secretOf(1)])('an-id', Date.now(), BODY);
    const webhook = new Webhook(secretOf(1));
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(() => webhook.verify(`${BODY} `, headers)).toThrow('No matching signature');
    expect(() => webhook.verify(BODY, { ...headers, 'webhook-id': 'other' })).toThrow('No matching signature');
    expect(() => webhook.verify(BODY, { ...headers, 'webhook-timestamp': later })).toThrow('No matching signature');
  });
});

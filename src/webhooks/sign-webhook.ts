import { createHmac } from 'node:crypto';

/**
 * Signs messages with each of the secrets, as in Standard Webhooks 1.0.0 ("Signature scheme", symmetric). So while a
 * secret is replaced, one of the signatures fits the secret that the receiver has.
 * @param secrets as settings: `whsec_` and base64.
 * @returns the headers of a message. `body` is signed byte for byte; `sentAt` is the time of this attempt, in
 * milliseconds: a receiver refuses old ones.
 */
export function createWebhookSigner(secrets: readonly string[]) {
  const keys = secrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
  return (id: string, sentAt: number, body: string): Record<string, string> => {
    const seconds = Math.floor(sentAt / 1000);
    const sign = (key: Buffer) => createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
    return {
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': keys.map((key) => `v1,${sign(key)}`).join(' '),
    };
  };
}

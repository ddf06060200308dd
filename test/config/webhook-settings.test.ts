import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';

const secretOf = (sizeBytes: number) => `whsec_${Buffer.alloc(sizeBytes, 0xfb).toString('base64')}`;
const HOOK_URL = 'https://app.example.com/hooks?key=1';

describe('the settings of webhooks', () => {
  it('are off by default', () => {
    expect(parseConfig({}).webhooks).toBeNull();
  });

  it('are a URL and one or more secrets', () => {
    const secrets = [secretOf(24), secretOf(25), secretOf(64)];
    const { webhooks } = parseConfig({ WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: secrets.join(', ') });
    expect(webhooks).toEqual({ url: HOOK_URL, secrets, allowPrivate: false });
  });

  it.each([
    ['without a secret', { WEBHOOK_URL: HOOK_URL }, 'WEBHOOK_URL, WEBHOOK_SECRET: set both or neither'],
    ['without a URL', { WEBHOOK_SECRET: secretOf(32) }, 'WEBHOOK_URL, WEBHOOK_SECRET: set both or neither'],
    ['of 23 bytes', { WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: secretOf(23) }, 'WEBHOOK_SECRET: must be whsec_'],
    ['of 65 bytes', { WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: secretOf(65) }, 'WEBHOOK_SECRET: must be whsec_'],
    [
      'without its prefix',
      { WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: secretOf(32).slice(6) },
      'WEBHOOK_SECRET: must be whsec_',
    ],
    [
      'in base64url',
      { WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: `whsec_${'-_'.repeat(22)}` },
      'WEBHOOK_SECRET: must be whsec_',
    ],
    ['cut off', { WEBHOOK_URL: HOOK_URL, WEBHOOK_SECRET: secretOf(32).slice(0, -1) }, 'WEBHOOK_SECRET: must be whsec_'],
    ['over http', { WEBHOOK_URL: 'http://a.example', WEBHOOK_SECRET: secretOf(32) }, 'WEBHOOK_URL: must be https'],
    ['over HTTP', { WEBHOOK_URL: 'HTTP://a.example', WEBHOOK_SECRET: secretOf(32) }, 'WEBHOOK_URL: must be https'],
    ['over ftp', { WEBHOOK_URL: 'ftp://a.example', WEBHOOK_SECRET: secretOf(32) }, 'WEBHOOK_URL: must be an http'],
    [
      'with a password',
      { WEBHOOK_URL: 'https://u:p@a.example', WEBHOOK_SECRET: secretOf(32) },
      'without spaces, a user',
    ],
  ])('are refused %s, and the error has no value', (_, env, message) => {
    const parse = () => parseConfig(env);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/-_-_|\+\/v7|u:p@/);
  });

  it('allow http together with private addresses', () => {
    const env = { WEBHOOK_URL: 'http://10.0.0.5/', WEBHOOK_SECRET: secretOf(32), WEBHOOK_ALLOW_PRIVATE: 'true' };
    expect(parseConfig(env).webhooks).toMatchObject({ url: 'http://10.0.0.5/', allowPrivate: true });
  });
});

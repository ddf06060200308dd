import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { eventsOf, NONE, service, someone } from './audit-service.ts';

const addressOf = async (on: TestService, forwarded: string | undefined): Promise<string | null | undefined> => {
  const user = someone();
  const headers = {
    authorization: `Bearer ${await mint(user)}`,
    ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }),
  };
  const incoming = { socket: { remoteAddress: '203.0.113.9' } };
  await on.app.request(`/files/${NONE}`, { method: 'DELETE', headers }, { incoming });
  return (await eventsOf(user, on))[0]?.address;
};

describe('the address in the audit log', () => {
  it('is the connection’s, and not that of X-Forwarded-For', async () => {
    expect(await addressOf(service, undefined)).toBe('203.0.113.9');
    expect(await addressOf(service, '198.51.100.1')).toBe('203.0.113.9');
  });

  it.each([
    ['1', '198.51.100.1', '198.51.100.1'],
    ['1', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
    ['1', '192.0.2.66,2001:db8::1', '2001:db8::1'],
    ['2', '192.0.2.66, 198.51.100.1, 10.0.0.1', '198.51.100.1'],
    ['2', '10.0.0.1', null],
    ['1', undefined, null],
    ['1', '', null],
    ['1', "192.0.2.1'); drop table files; --", null],
    ['1', '198.51.100.1, unknown', null],
  ])('with TRUSTED_PROXIES=%s and X-Forwarded-For "%s" is %s', async (trusted, forwarded, expected) => {
    const behind = await startTestService({ env: { TRUSTED_PROXIES: trusted } });
    try {
      expect(await addressOf(behind, forwarded)).toBe(expected);
    } finally {
      await behind.close();
    }
  });
});

describe('the address in the audit log, as proxies write it', () => {
  let behind: TestService;
  beforeAll(async () => {
    behind = await startTestService({ env: { TRUSTED_PROXIES: '1' } });
  });
  afterAll(() => behind.close());

  it.each([
    ['203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['"203.0.113.7"', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.66:1, 198.51.100.1:2', '198.51.100.1'],
    ['203.0.113.7:', null],
    ['203.0.113.7:99999999', null],
    ['[203.0.113.7', null],
    ['example.com:80', null],
    ['"', null],
  ])('%s is %s', async (forwarded, expected) => {
    expect(await addressOf(behind, forwarded)).toBe(expected);
  });

  it('is IPv4 for an IPv4 connection to a dual-stack socket', async () => {
    const incoming = { socket: { remoteAddress: '::ffff:203.0.113.9' } };
    const user = someone();
    const headers = { authorization: `Bearer ${await mint(user)}` };
    await service.app.request(`/files/${NONE}`, { method: 'DELETE', headers }, { incoming });
    expect((await eventsOf(user))[0]?.address).toBe('203.0.113.9');
  });
});

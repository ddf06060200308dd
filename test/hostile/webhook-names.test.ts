import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';
import { type Receiver, startReceiver } from '../helpers/webhook-receiver.ts';

let receiver: Receiver;
let service: TestService;
beforeAll(async () => {
  receiver = await startReceiver();
  service = await startTestService({ env: receiver.env });
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

describe('the event of a file', () => {
  it.each([
    '"},"type":"file.deleted","x":{"y":"',
    '\\","type":"file.deleted',
    'a\u2028b\u2029c',
    '{"__proto__":{"admin":true}}',
    '</script><script>alert(1)</script>',
    'webhook-id: 1',
    '%0d%0awebhook-signature: v1,AAAA',
    '\u{1f4a5}'.repeat(60),
    'e\u0301\u0301\u0301',
    "'; drop table files; --",
    '$' + '{jndi:ldap://127.0.0.1/x}',
  ])('is one event of this type, signed, whatever name, metadata and owner are: %j', async (text) => {
    const metadata = { note: text.slice(0, 90) };
    const { fileId } = await service.store(text.slice(0, 60), 'hello', { fileName: text, metadata });
    await expect.poll(() => receiver.of(fileId)).toEqual(['file.confirmed']);
    const got = receiver.received.find(({ event }) => event.data.fileId === fileId);
    expect(got).toMatchObject({ isVerified: true, event: { data: { ownerId: text.slice(0, 60), metadata } } });
    expect(Object.keys(got?.event ?? {})).toEqual(['type', 'timestamp', 'data']);
  });

  it.each(['a\r\nwebhook-signature: v1,AAAA', 'a\nb', 'a\u0000b', 'a\u0085b', '\ud800', '\u202egpj.exe'])(
    'never has a name that breaks a line or its direction: %j',
    async (fileName) => {
      const request = { fileName, contentType: 'text/plain', size: 5 };
      expect((await service.call('alice', '/presign-upload', request)).status).toBe(400);
      const metadata = { note: fileName };
      const inMetadata = await service.call('alice', '/presign-upload', { ...request, fileName: 'a.txt', metadata });
      expect(inMetadata.status).toBe(400);
    },
  );
});

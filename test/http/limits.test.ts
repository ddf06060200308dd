import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

const MIB = 1024 ** 2;
const POLICIES = JSON.stringify({
  photo: { maxBytes: 10 * MIB, contentTypes: ['image/*', 'video/mp4'] },
  scan: { contentTypes: ['application/pdf', 'text/csv'] },
  anything: {},
});

let service: TestService;
const limits = async (user: string, query = '') => (await service.call(user, `/limits${query}`)).body;
const start = async (env: Record<string, string> = {}) => {
  service = await startTestService({ env });
};

describe('GET /limits', () => {
  afterEach(() => service.close());

  it('answers the settings of the service, and what is used of the quota', async () => {
    await start({ MAX_UPLOAD_BYTES: '1000', QUOTA_BYTES: '100', MULTIPART_THRESHOLD_BYTES: String(5 * MIB) });
    await service.store('alice', 'hello');
    await expect
      .poll(() => limits('alice'))
      .toEqual({
        maxBytes: 1000,
        contentTypes: ['*/*'],
        methods: ['PUT', 'POST', 'MULTIPART'],
        multipartThresholdBytes: 5 * MIB,
        quota: { bytes: 100, files: null, usedBytes: 5, usedFiles: 1 },
      });
    expect(await limits('bob')).toMatchObject({ quota: { usedBytes: 0, usedFiles: 0 } });
  });

  it.each([
    ['', ['image/png', 'video/*', 'application/pdf'], 20 * MIB],
    ['?documentType=photo', ['image/png', 'video/mp4'], 10 * MIB],
    ['?documentType=scan', ['application/pdf'], 20 * MIB],
    ['?documentType=anything', ['image/png', 'video/*', 'application/pdf'], 20 * MIB],
    ['?documentType=unknown', ['image/png', 'video/*', 'application/pdf'], 20 * MIB],
  ])(
    'answers what the general limits and those of the document type both allow: %s',
    async (query, types, maxBytes) => {
      await start({
        MAX_UPLOAD_BYTES: String(20 * MIB),
        ALLOWED_CONTENT_TYPES: 'image/png,video/*,application/pdf',
        UPLOAD_POLICIES: POLICIES,
      });
      expect(await limits('alice', query)).toMatchObject({ contentTypes: types, maxBytes });
    },
  );

  it('answers what presigning accepts and refuses', async () => {
    await start({ MAX_UPLOAD_BYTES: '1000', UPLOAD_POLICIES: POLICIES });
    for (const documentType of ['photo', 'scan']) {
      const { maxBytes, contentTypes } = await limits('alice', `?documentType=${documentType}`);
      for (const contentType of ['image/gif', 'video/mp4', 'text/csv', 'text/html']) {
        const isAllowed = (contentTypes as string[]).some((type) => contentType.startsWith(type.replace('*', '')));
        const file = { fileName: 'a', contentType, size: maxBytes, documentType };
        const { status } = await service.call('alice', '/presign-upload', file);
        expect([documentType, contentType, status]).toEqual([documentType, contentType, isAllowed ? 200 : 415]);
        if (isAllowed) {
          const larger = { ...file, size: Number(maxBytes) + 1 };
          expectProblem(await service.call('alice', '/presign-upload', larger), 413, 'file-too-large');
        }
      }
    }
  });

  it('has no form if the store has none, and 5 GiB if every upload is copied in one piece', async () => {
    const env = { S3_POST_POLICY: 'false', FREEZE_UPLOADS: 'all', MAX_UPLOAD_BYTES: String(6 * 1024 ** 3) };
    await start(env);
    expect(await limits('alice')).toMatchObject({ methods: ['PUT', 'MULTIPART'], maxBytes: 6 * 1024 ** 3 });
    await service.close();
    await start({ ...env, S3_PROVIDER: 'gcs' });
    expect(await limits('alice')).toMatchObject({ maxBytes: 5 * 1024 ** 3 });
    const large = { fileName: 'a.bin', contentType: 'video/mp4', size: 5 * 1024 ** 3 + 1 };
    expectProblem(await service.call('alice', '/presign-upload', large), 413, 'file-too-large');
  });

  it('needs either scope, and refuses an unknown parameter', async () => {
    await start();
    const status = async (scope: string) => {
      const headers = { authorization: `Bearer ${await mint('alice', { scope })}` };
      return (await service.call('', '/limits', undefined, { headers })).status;
    };
    expect(await status('files:read')).toBe(200);
    expect(await status('files:write')).toBe(200);
    expect(await status('email')).toBe(403);
    expectProblem(await service.call('alice', '/limits?kind=photo'), 400, 'invalid-request');
    expectProblem(await service.call('alice', '/limits?documentType=a/b'), 400, 'invalid-request');
    expect((await service.app.request('/limits')).status).toBe(401);
  });

  it.each(['gone', 'silent'])('leaves out what is used while the database is %s', async (how) => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    await start({ DATABASE_URL: relay.url, QUOTA_FILES: '3' });
    try {
      await (how === 'gone' ? relay.goAway() : relay.setSilent(true));
      const { status, body } = await service.call('alice', '/limits');
      expect(status).toBe(200);
      expect(body.quota).toEqual({ bytes: null, files: 3, usedBytes: null, usedFiles: null });
    } finally {
      await (how === 'gone' ? relay.comeBack() : relay.setSilent(false));
      await relay.goAway();
      await database.drop();
    }
  });
});

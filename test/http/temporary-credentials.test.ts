import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import type { RoleSessions } from '../../src/storage/role-sessions.ts';
import { expectProblem, mint, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

const SCOPE = 'files:read files:write files:credentials';
const STS = { roleArn: 'arn:aws:iam:::role/uploads', endpoint: undefined, maxSeconds: 1800 };

const ON = { sts: STS };

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** Asks for credentials as alice, from a service whose STS answers only if a test fails. */
async function ask(
  claims: Record<string, unknown>,
  body: object = {},
  path = '/temporary-credentials',
  open: RoleSessions['open'] = async () => expect.fail('STS was asked'),
) {
  const roleSessions = { open };
  const services = withConfig({ ...service.services, roleSessions }, 'sts', STS);
  const response = await createApp({ ...services, config: { ...services.config, sts: STS } }).request(path, {
    headers: { authorization: `Bearer ${await mint('alice', claims)}`, 'content-type': 'application/json' },
    ...(path === '/temporary-credentials' && { method: 'POST', body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('POST /temporary-credentials', () => {
  it('needs a scope of its own, which no token has by itself', async () => {
    for (const path of ['/temporary-credentials', '/s3/sts']) {
      expectProblem(await ask({}, {}, path), 403, 'forbidden');
      expectProblem(await ask({ scope: 'files:read files:write' }, {}, path), 403, 'forbidden');
      // It says nothing of what may be done with them.
      expectProblem(await ask({ scope: 'files:credentials' }, {}, path), 403, 'forbidden');
    }
  });

  it('does not allow reading that would bypass holding files or the audit log', async () => {
    const readable = { ...service.services.config };
    const config = (more: Partial<typeof readable>) => ({ ...readable, ...more });
    const held = config({ limits: { ...readable.limits, holdUploads: true } });
    const recorded = config({ urls: { ...readable.urls, presignsDownloads: false } });
    for (const each of [held, recorded]) {
      const rights: unknown[] = [];
      const open = async (request: { rights: object }) => {
        rights.push(request.rights);
        return null;
      };
      const app = createApp({ ...service.services, config: { ...each, ...ON }, roleSessions: { open } });
      const ask = async (scope: string) =>
        app.request('/temporary-credentials', {
          method: 'POST',
          body: '{}',
          headers: { authorization: `Bearer ${await mint('alice', { scope })}`, 'content-type': 'application/json' },
        });
      expect((await ask('files:read files:credentials')).status).toBe(403);
      expect(rights).toEqual([]);
      await ask(SCOPE);
      expect(rights).toEqual([{ mayRead: false, mayWrite: true }]);
    }
  });

  it('refuses tickets: the bucket could not enforce their limits', async () => {
    for (const signpost of [
      { recordId: 'case-42' },
      { uploadsUntil: '2099-01-01T00:00:00Z' },
      { maxBytes: 1000 },
      { maxFiles: 3 },
      { contentTypes: ['image/*'] },
      { documentTypes: ['avatar'] },
      { quotaBytes: 1e6 },
      { quotaFiles: 1 },
    ]) {
      expectProblem(await ask({ scope: SCOPE, signpost }), 403, 'forbidden');
    }
  });

  it('bounds the duration', async () => {
    for (const expiresIn of [0, 899, 1801, 43_201, 1000.5, '900', null]) {
      expectProblem(await ask({ scope: SCOPE }, { expiresIn }), 400, 'invalid-request');
    }
    expectProblem(await ask({ scope: SCOPE }, { policy: '{}' }), 400, 'invalid-request');
  });

  it('asks for the duration that the caller wants, by default for the most it may', async () => {
    const asked: number[] = [];
    const open = async ({ seconds }: { seconds: number }) => {
      asked.push(seconds);
      return null;
    };
    for (const body of [{}, { expiresIn: 1800 }, { expiresIn: 900 }])
      await ask({ scope: SCOPE }, body, undefined, open);
    expect(asked).toEqual([1800, 1800, 900]);
  });

  it('does not exist without TEMPORARY_CREDENTIALS_ROLE_ARN', async () => {
    const authorization = `Bearer ${await mint('alice', { scope: SCOPE })}`;
    const off = await service.call('alice', '/temporary-credentials', {}, { headers: { authorization } });
    expectProblem(off, 404, 'route-not-found');
    expectProblem(await service.call('alice', '/temporary-credentials', {}), 404, 'route-not-found');
  });

  it('takes no token from the path', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await mint('alice', { scope: SCOPE, iat: now, exp: now + 60 });
    const response = await createApp(service.services).request(`/t/${token}/s3/sts`);
    expect(response.status).toBe(401);
  });

  it('has every refusal in the audit log', async () => {
    const asked = { scope: SCOPE, signpost: { recordId: 'case-43' } };
    expectProblem(await ask(asked), 403, 'forbidden');
    const { body } = await service.call<{ events: { action: string; outcome: string }[] }>('alice', '/audit?limit=1');
    expect(body.events[0]).toMatchObject({ action: 'credentials.issue', outcome: 'forbidden' });
  });
});

describe('TEMPORARY_CREDENTIALS_ROLE_ARN', () => {
  it.each([
    [
      'the embedded bucket',
      { TEMPORARY_CREDENTIALS_ROLE_ARN: STS.roleArn },
      /TEMPORARY_CREDENTIALS_ROLE_ARN: needs S3_BUCKET_NAME/,
    ],
    [
      'a user',
      { TEMPORARY_CREDENTIALS_ROLE_ARN: 'arn:aws:iam::1:user/a', S3_BUCKET_NAME: 'b' },
      /TEMPORARY_CREDENTIALS_ROLE_ARN: must be the ARN of a role/,
    ],
  ])('is refused at start for %s', (_what, env, message) => {
    expect(() => parseConfig(env as Record<string, string>)).toThrow(message);
  });
});

import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService, type TestService, type Upload } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { RATE_LIMIT_PER_MINUTE: '40', ALLOWED_ORIGINS: 'https://app.example' } });
});
afterAll(() => service.close());

const PRESIGN = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const withToken = (token: string, more: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${token}`, ...more },
});

describe('authentication', () => {
  it.each([
    ['no token', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['garbage', { authorization: 'Bearer x.y.z' }],
    ['alg none', { authorization: `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"sub":"alice"}')}.` }],
  ])('answers 401 to %s on every route that is not open', async (_, headers: Record<string, string>) => {
    for (const path of ['/files', '/presign-upload', '/files/x/download', '/no-such-route']) {
      const response = await service.app.request(path, { headers });
      const answer = { status: response.status, headers: response.headers, body: await response.json() };
      expectProblem(answer as never, 401, 'unauthenticated');
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
  });

  it('answers 401 to an expired token and to one with another signature', async () => {
    const expired = await mint('alice', { exp: Math.floor(Date.now() / 1000) - 6 });
    const forged = (await mint('alice')).replace(/.{5}$/, 'AAAAA');
    for (const token of [expired, forged]) {
      expectProblem(await service.call('x', '/files', undefined, withToken(token)), 401, 'unauthenticated');
    }
  });
});

describe('scopes', () => {
  it.each([
    ['files:read', 200, 403],
    ['files:write', 403, 200],
    ['files:read files:write', 200, 200],
    ['files:admin', 200, 200],
    ['', 403, 403],
    ['openid', 403, 403],
  ])('with "%s" reading is %i and presigning %i', async (scope, reading, writing) => {
    const token = withToken(await mint('scoped', { scope }));
    const read = await service.call('x', '/files', undefined, token);
    const write = await service.call('x', '/presign-upload', PRESIGN, token);
    expect([read.status, write.status]).toEqual([reading, writing]);
    for (const answer of [read, write]) if (answer.status === 403) expectProblem(answer, 403, 'forbidden');
  });

  it.each<[string, Record<string, unknown>, object]>([
    ['has expired', { exp: 1_700_000_000 }, { code: 'ERR_JWT_EXPIRED', claim: 'exp' }],
    ['is not valid yet', { nbf: 4_000_000_000 }, { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'nbf' }],
    ['names no user', { sub: undefined }, { claim: 'sub', why: 'the token names no user id' }],
  ])('logs why a token that %s was refused, and none of its values', async (_name, claims, refusal) => {
    const token = await mint('alice-private', { mail: 'alice@private.example', ...claims });
    expectProblem(await service.call('x', '/files', undefined, withToken(token)), 401, 'unauthenticated');
    const line = service.logs.at(-1);
    expect(line).toMatchObject({ level: 'info', message: 'request', fields: { status: 401, refusal } });
    for (const secret of ['private', ...token.split('.')]) expect(JSON.stringify(line)).not.toContain(secret);
  });

  it('logs a missing token, a malformed one, a wrong signature and a wrong alg', async () => {
    const alien = await new SignJWT({ sub: 'x' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from('y'.repeat(32)));
    for (const [authorization, refusal] of [
      ['', { why: 'there is no Authorization header' }],
      ['Bearer rubbish', { code: 'ERR_JWS_INVALID' }],
      [`Bearer ${alien}`, { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }],
      ['Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', { code: 'ERR_JOSE_ALG_NOT_ALLOWED' }],
    ] as const) {
      expectProblem(
        await service.call('x', '/files', undefined, { headers: { authorization } }),
        401,
        'unauthenticated',
      );
      expect(service.logs.at(-1)?.fields).toMatchObject({ refusal });
    }
  });

  it('lets only an admin act for another user, and logs both', async () => {
    const file = await service.store('alice', 'hello');
    const behalf = { 'x-on-behalf-of': 'alice' };
    const admin = withToken(await mint('root', { scope: 'files:admin' }), behalf);
    expect((await service.call('x', `/files/${file.fileId}`, undefined, admin)).body).toEqual(file);
    expect(service.logs.at(-1)?.fields).toMatchObject({ userId: 'alice', actorId: 'root' });
    const bob = withToken(await mint('bob'), behalf);
    expectProblem(await service.call('x', `/files/${file.fileId}`, undefined, bob), 403, 'forbidden');
  });

  it('reads the other user’s id as UTF-8', async () => {
    const file = await service.store('用户', 'hello');
    const utf8 = Buffer.from('用户').toString('latin1');
    const admin = withToken(await mint('root', { scope: 'files:admin' }), { 'x-on-behalf-of': utf8 });
    expect((await service.call('x', `/files/${file.fileId}`, undefined, admin)).status).toBe(200);
  });
});

describe('the routes', () => {
  it('are served by Hono’s fast router', async () => {
    await service.call('alice', '/healthz');
    expect(service.app.router.name).toBe('SmartRouter + RegExpRouter');
  });
});

describe('common rules', () => {
  it('answers 404 as a problem for an unknown route', async () => {
    expectProblem(await service.call('alice', '/no-such-route'), 404, 'route-not-found');
  });

  it('keeps a valid request id and replaces any other', async () => {
    const id = async (sent: string) =>
      (await service.app.request('/healthz', { headers: { 'x-request-id': sent } })).headers.get('x-request-id');
    expect(await id('trace-1.A_b')).toBe('trace-1.A_b');
    for (const odd of ['a b', '<script>', 'x'.repeat(129), '']) expect(await id(odd)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('logs one line for each request, without token and query', async () => {
    const token = await mint('logged');
    await service.call('x', '/files?limit=5&cursor=secret', undefined, withToken(token));
    const lines = service.logs.filter((line) => line.fields.userId === 'logged');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.fields).toMatchObject({ method: 'GET', path: '/files', status: 400 });
    expect(JSON.stringify(service.logs)).not.toMatch(/secret|Bearer|X-Amz-Signature|eyJ/);
  });

  it('logs no token from a path, at any place and in any encoding', async () => {
    const token = await mint('in-a-path');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const percent = (text: string) => text.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    for (const path of [
      `/t%2F${token}/s3/params`,
      `/t%2f${token}/sign-request`,
      `/T/${token}/s3/params`,
      `/t;a=b/${token}/s3/params`,
      `/%2574/${token}/s3/params`,
      `/%ff/t/${token}/s3/params`,
      `/files/${token}`,
      `/files/${token}==/download`,
      `/s3/multipart/${token}`,
      `/Bearer%20${token}`,
      `/x${token}`,
      `/files/${percent(token)}`,
      `/%ff/${percent(token)}`,
      `/files/${percent(percent(token))}`,
      `/files/${token.replaceAll('.', '%252E')}`,
      `/files/${token.replace('eyJ', '%25252565yJ')}`,
      `/${'%25'.repeat(20)}${percent(token)}`,
      `/${'x'.repeat(505)}/${token}`,
      `/files/${payload}.${signature}`,
      `/files/${btoa('{ "alg":"HS256"}')}.${payload}.${signature}`,
    ]) {
      const before = service.logs.length;
      await service.app.request(path, { headers: { 'x-request-id': token } });
      let lines = JSON.stringify(service.logs.slice(before));
      expect(lines).toMatch(/"path":"[/…]/);
      for (let layer = 0; layer < 30; layer++) {
        lines = lines.replace(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
      }
      for (const part of [header, payload, signature]) expect([path, lines.includes(part)]).toEqual([path, false]);
    }
  });

  it('logs no token from X-On-Behalf-Of', async () => {
    const token = await mint('root', { scope: 'files:admin' });
    for (const behalf of [token, `Bearer ${token}`]) {
      const answer = await service.app.request('/files', withToken(token, { 'x-on-behalf-of': behalf }));
      expect(answer.status).toBe(200);
      expect(service.logs.at(-1)?.fields).toMatchObject({
        actorId: 'root',
        userId: expect.stringMatching(/^(Bearer )?…$/),
      });
    }
  });

  it('logs a path as printable ASCII, and 512 characters of it at most', async () => {
    const logged = async (path: string) => {
      await service.app.request(path);
      return service.logs.at(-1)?.fields.path;
    };
    expect(await logged('/x%C2%9B31m%E2%80%AEgpj%E2%80%A8%1B[31m%7F')).toMatch(/^[!-~]+$/);
    expect(await logged('/files/ü')).toBe('/files/%C3%BC');
    expect(await logged('/files/0198c0de-0000-7000-8000-000000000001')).toBe(
      '/files/0198c0de-0000-7000-8000-000000000001',
    );
    expect(await logged(`/${'a/'.repeat(8000)}`)).toMatch(/^[/a]{512}…$/);
    // The search for tokens takes linear time.
    expect(await logged(`/${'a'.repeat(100_000)}`)).toHaveLength(513);
  });

  it('logs probes at debug, but failures as usual', async () => {
    await service.app.request('/healthz');
    await service.app.request('/readyz');
    expect(service.logs.slice(-2).map(({ level, fields }) => [level, fields.path])).toEqual([
      ['debug', '/healthz'],
      ['debug', '/readyz'],
    ]);
  });

  it('answers even if the log throws', async () => {
    const silent = await startTestService();
    silent.logs.push = () => {
      throw new Error('ENOSPC: no space left on device, write');
    };
    expect((await silent.call('alice', '/files')).status).toBe(200);
    expectProblem(await silent.call('alice', '/no-such-route'), 404, 'route-not-found');
    await silent.close();
  });

  it('forbids guessing the content type', async () => {
    for (const path of ['/healthz', '/files', '/no-such-route']) {
      expect((await service.app.request(path)).headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('allows the listed origin and no other', async () => {
    const preflight = (origin: string) =>
      service.app.request('/presign-upload', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await preflight('https://app.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
    const refused = await preflight('https://evil.example');
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('allows listed subdomains and app schemes, and no similar origin', async () => {
    const env = { ALLOWED_ORIGINS: 'https://*.example.com,capacitor://localhost' };
    const other = await startTestService({ env });
    const allowed = async (origin: string) => {
      const { headers } = await other.app.request('/healthz', { headers: { origin } });
      return headers.get('access-control-allow-origin');
    };
    for (const origin of ['https://a.example.com', 'https://b.a.example.com', 'capacitor://localhost']) {
      expect(await allowed(origin)).toBe(origin);
    }
    for (const origin of [
      'https://example.com',
      'http://a.example.com',
      'https://a.example.com:444',
      'https://a.example.com.evil.example',
      'https://evilexample.com',
      'https://.example.com',
      'https://evil.example/.example.com',
      'https://evil.example#.example.com',
      'https://*.example.com',
      'capacitor://localhost.evil',
      'null',
    ]) {
      expect([origin, await allowed(origin)]).toEqual([origin, null]);
    }
    await other.close();
  });

  it('allows any header that a page asks for, if it is a header name', async () => {
    const allowedHeaders = async (asked: string) => {
      const headers = {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      };
      const preflight = await service.app.request('/presign-upload', { method: 'OPTIONS', headers });
      return preflight.headers.get('access-control-allow-headers')?.toLowerCase();
    };
    const tracing = 'baggage,sentry-trace,traceparent,tracestate,x-b3-traceid,x-requested-with';
    expect(await allowedHeaders(tracing)).toBe(`authorization, content-type, x-on-behalf-of, x-request-id, ${tracing}`);
    for (const odd of ['a b', 'a:b', `x-${'y'.repeat(2000)}`]) expect(await allowedHeaders(odd)).not.toContain(odd);
  });

  it('lets the allowed origin read errors', async () => {
    const response = await service.app.request('/files', { headers: { origin: 'https://app.example' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
  });
});

describe('methods', () => {
  it.each([
    ['GET', '/presign-upload', 'POST'],
    ['PUT', '/confirm-upload', 'POST'],
    ['POST', '/files', 'GET, HEAD'],
    ['POST', '/files/0198c0de-0000-7000-8000-000000000001', 'GET, HEAD, PATCH, DELETE'],
    ['GET', '/s3/multipart', 'POST'],
    ['OPTIONS', '/usage', 'GET, HEAD'],
  ])('answers 405 to %s %s, and names the methods', async (method, path, allow) => {
    const answer = await service.call('wrong-method', path, undefined, { method });
    expectProblem(answer, 405, 'method-not-allowed');
    expect(answer.headers.get('allow')).toBe(allow);
  });

  it('answers 404 on unknown paths, and 401 without a token', async () => {
    for (const path of ['/files/', '/file', '/files/a/b', '/presign-upload/x']) {
      expectProblem(await service.call('wrong-method', path, {}), 404, 'route-not-found');
    }
    expect((await service.app.request('/presign-upload')).status).toBe(401);
  });
});

describe('bodies', () => {
  it('reports absent fields as missing', async () => {
    const { body } = await service.call('bodies', '/presign-upload', { fileName: 'a.txt', contentType: 'text/plain' });
    expect(body.errors).toEqual([{ path: 'size', message: 'is missing' }]);
    const batch = await service.call('bodies', '/presign-upload/batch', { files: [PRESIGN, {}] });
    const errors = ['fileName', 'contentType', 'size'].map((name) => ({
      path: `files.1.${name}`,
      message: 'is missing',
    }));
    expect(batch.body.errors).toEqual(errors);
  });

  it('accepts more than 64 KiB for confirming only with a list of parts', async () => {
    const padding = ' '.repeat(100_000);
    const confirm = (body: string) => service.call('bodies', '/confirm-upload', body);
    expectProblem(await confirm(`{"objectKey":"bodies/x"${padding}}`), 413, 'body-too-large');
    expectProblem(await confirm(`{"objectKey":"${padding}"}`), 413, 'body-too-large');
    expect((await confirm(`{"objectKey":"bodies/x","uploadId":"x","parts":[]${padding}}`)).status).toBe(400);
  });

  it('limits how many bodies of one user are in transfer, and leaves others alone', async () => {
    const ends: (() => void)[] = [];
    const stalled = async (path: string, bytes: number) => {
      const body = new ReadableStream({
        start: (controller) => {
          controller.enqueue(new Uint8Array(1));
          ends.push(() => controller.close());
        },
      });
      const headers = {
        authorization: `Bearer ${await mint('slow')}`,
        ...{ 'content-type': 'application/json', 'content-length': String(bytes) },
      };
      // Only Node's fetch needs this.
      const half = { duplex: 'half' } as const;
      return service.app.request(path, { method: 'POST', headers, body, ...half });
    };
    const large = Array.from({ length: 9 }, () => stalled('/confirm-upload', 1024 ** 2));
    const first = await Promise.race(large);
    expect([first.status, first.headers.get('retry-after'), await first.json()]).toMatchObject([
      ...[429, '1'],
      { code: 'rate-limited', detail: expect.stringContaining('too many requests at once') },
    ]);
    // Small bodies have slots of their own, and so have other users.
    expect((await service.call('slow', '/presign-upload', PRESIGN)).status).toBe(200);
    expect((await service.call('quick', '/confirm-upload', { objectKey: 'other/x' })).status).toBe(403);
    for (const end of ends) end();
    for (const response of await Promise.all(large)) expect([400, 429]).toContain(response.status);
    const again = { headers: { 'content-length': String(1024 ** 2) } };
    expect((await service.call('slow', '/confirm-upload', { objectKey: 'quick/x' }, again)).status).toBe(403);
  });
});

describe('rate limit', () => {
  it('answers 429 beyond the limit, only to that user, until the minute is over', async () => {
    let now = new Date('2026-11-20T12:00:10Z');
    const limited = await startTestService({ env: { RATE_LIMIT_PER_MINUTE: '3' }, now: () => now });
    const exp = now.getTime() / 1000 + 600;
    const files = async (user: string) => limited.call('x', '/files', undefined, withToken(await mint(user, { exp })));
    try {
      const first = await files('alice');
      expect(first.headers.get('ratelimit-policy')).toBe('"user";q=3;w=60');
      expect(first.headers.get('ratelimit')).toBe('"user";r=2;t=50');
      await files('alice');
      await files('alice');
      const fourth = await files('alice');
      expectProblem(fourth, 429, 'rate-limited');
      expect(fourth.headers.get('retry-after')).toBe('50');
      expect(fourth.headers.get('ratelimit')).toBe('"user";r=0;t=50');
      expect((await files('bob')).status).toBe(200);
      now = new Date('2026-11-20T12:01:00Z');
      expect((await files('alice')).status).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('counts a batch by its entries, and accepts a first one larger than the limit', async () => {
    const limited = await startTestService({
      env: { RATE_LIMIT_PER_MINUTE: '10' },
      now: () => new Date('2026-11-20T12:00:10Z'),
    });
    const exp = Date.parse('2026-11-20T12:10:00Z') / 1000;
    const batch = async (user: string, count: number, path = '/presign-upload/batch') => {
      const files = Array.from({ length: count }, () => ({ fileName: 'a.txt', contentType: 'text/plain', size: 5 }));
      const fileIds = files.map(() => '01a21a4c-b40f-7354-86c6-c1ffafe17477');
      const body = path === '/presign-upload/batch' ? { files } : { fileIds };
      return limited.call('x', path, body, withToken(await mint(user, { exp })));
    };
    try {
      expect((await batch('alice', 6)).headers.get('ratelimit')).toBe('"user";r=4;t=50');
      expectProblem(await batch('alice', 5), 429, 'rate-limited');
      expect((await batch('alice', 3, '/presign-download/batch')).headers.get('ratelimit')).toBe('"user";r=0;t=50');
      expectProblem(await batch('alice', 1), 429, 'rate-limited');
      expect((await batch('bob', 20)).status).toBe(200);
      expectProblem(await batch('bob', 1), 429, 'rate-limited');
      expect((await batch('carol', 1)).status).toBe(200);
      expectProblem(await batch('carol', 20), 429, 'rate-limited');
    } finally {
      await limited.close();
    }
  });
});

describe('a key set that does not answer', () => {
  it('gives a 503 with Retry-After for its tokens only, logged once and not for each request', async () => {
    const keyless = await startTestService({ env: { JWKS_URL: 'http://127.0.0.1:1/jwks' } });
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
    for (const _attempt of [1, 2, 3]) {
      const answer = await keyless.call('x', '/files', undefined, withToken(token));
      expectProblem(answer, 503, 'keys-unavailable');
      expect(answer.headers.get('retry-after')).toBe('5');
      const refusal = { why: expect.stringContaining('cannot be fetched') };
      expect(keyless.logs.at(-1)).toMatchObject({ level: 'info', fields: { status: 503, refusal } });
    }
    expect((await keyless.call('alice', '/files')).status).toBe(200);
    const alarms = keyless.logs.filter(({ level }) => level !== 'info').map(({ message }) => message);
    expect(alarms).toEqual([expect.stringContaining('JWKS_URL could not be fetched: until it is')]);
    await keyless.close();
  });
});

describe('JWT_OWNER_CLAIM', () => {
  let teams: TestService;
  beforeAll(async () => {
    teams = await startTestService({
      env: { JWT_OWNER_CLAIM: 'org.id', QUOTA_FILES: '2', RATE_LIMIT_PER_MINUTE: '1000' },
    });
  });
  afterAll(() => teams.close());
  const member = async (user: string, team: unknown, claims: Record<string, unknown> = {}, more = {}) =>
    withToken(await mint(user, { org: { id: team }, ...claims }), more);
  const listed = async (token: Awaited<ReturnType<typeof member>>) => {
    const { body } = await teams.call<{ files: { fileId: string }[] }>('x', '/files', undefined, token);
    return body.files.map(({ fileId }) => fileId);
  };

  it('gives a team its files, key prefix and quota, and names the person in the audit log', async () => {
    const [ann, ben] = [await member('ann', 'acme'), await member('ben', 'acme')];
    const presigned = await teams.call<Upload>('x', '/presign-upload', PRESIGN, ann);
    expect(presigned.body.objectKey).toMatch(/^acme\//);
    await teams.put(presigned.body, 'hello');
    const file = await teams.call('x', '/confirm-upload', { objectKey: presigned.body.objectKey }, ben);
    expect(file.status).toBe(201);
    expect(teams.logs.at(-1)?.fields).toMatchObject({ userId: 'acme', actorId: 'ben' });
    expect(await listed(ann)).toEqual([file.body.fileId]);
    expect((await teams.call('x', '/usage', undefined, ben)).body).toMatchObject({ files: 1, quotaFiles: 2 });
    const audit = await teams.call<{ events: object[] }>('x', '/audit', undefined, ann);
    expect(audit.body.events).toMatchObject([{ action: 'upload.confirm', actorId: 'ben', userId: 'acme' }]);
  });

  it('gives nothing to a person with the team’s id, nor to a member of another team', async () => {
    expect(await listed(await member('acme', 'globex'))).toEqual([]);
    expect(await listed(await member('ann', 'globex'))).toEqual([]);
    for (const token of [withToken(await mint('acme')), await member('acme', ''), await member('acme', null)]) {
      expectProblem(await teams.call('x', '/files', undefined, token), 401, 'unauthenticated');
      expect(teams.logs.at(-1)?.fields).toMatchObject({ refusal: { claim: 'org.id' } });
    }
  });

  it('lets an admin read the whole audit log, and act for another team', async () => {
    const admin = { scope: 'files:admin' };
    const own = await teams.call<{ events: object[] }>('x', '/audit', undefined, await member('root', 'staff', admin));
    expect(own.body.events.length).toBeGreaterThan(0);
    expect(await listed(await member('root', 'staff', admin, { 'x-on-behalf-of': 'acme' }))).toHaveLength(1);
    const staff = await member('root', 'staff', admin, { 'x-on-behalf-of': 'staff' });
    expect((await teams.call<{ events: object[] }>('x', '/audit', undefined, staff)).body.events).toEqual([]);
  });

  it('counts requests per person', async () => {
    const remaining = async (user: string) => {
      const { headers } = await teams.call('x', '/limits', undefined, await member(user, 'counted'));
      return /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
    };
    expect([await remaining('first'), await remaining('second')]).toEqual(['999', '999']);
  });
});

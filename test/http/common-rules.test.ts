import { describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService } from '../helpers/test-service.ts';
import { PRESIGN, service, withToken } from './access-service.ts';

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
    const methods = allowed.headers.get('access-control-allow-methods')?.split(', ');
    expect(methods?.sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PATCH', 'POST']);
    expect(Number(allowed.headers.get('access-control-max-age'))).toBeGreaterThan(0);
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

  it('allows the listed origin to read errors', async () => {
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

  it('takes 10,000 parts, and refuses what would take long to parse: many values, many fields', async () => {
    const confirm = (parts: unknown[], more = {}) =>
      service.call('bodies', '/confirm-upload', { objectKey: 'bodies/x', uploadId: 'x', parts, ...more });
    const parts = Array.from({ length: 10_000 }, (_, i) => ({ partNumber: i + 1, etag: `"${'0'.repeat(32)}"` }));
    expectProblem(await confirm(parts), 404, 'object-not-found');
    for (const value of ['{}', '[]', '1', '{"a":1}']) {
      const body = `{"objectKey":"bodies/x","uploadId":"x","parts":[${Array(35_000).fill(value)}]}`;
      expectProblem(await service.call('bodies', '/confirm-upload', body), 413, 'body-too-large');
    }
    const fields = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`field${i}`, '']));
    const refused = await confirm([], fields);
    expectProblem(refused, 400, 'invalid-request');
    expect(refused.body.detail).toContain('more than 100 fields');
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
        'content-type': 'application/json',
        'content-length': String(bytes),
      };
      // Only Node's fetch needs this.
      const half = { duplex: 'half' } as const;
      return service.app.request(path, { method: 'POST', headers, body, ...half });
    };
    const large = Array.from({ length: 9 }, () => stalled('/confirm-upload', 1024 ** 2));
    const first = await Promise.race(large);
    expect([first.status, first.headers.get('retry-after'), await first.json()]).toMatchObject([
      429,
      '1',
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

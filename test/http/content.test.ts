import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { startServer } from '../../src/http/start-server.ts';
import { listen } from '../helpers/listen.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

describe('GET /files/{fileId}/content', () => {
  let service: TestService;
  let file: { fileId: string; objectKey: string; etag?: unknown };

  beforeAll(async () => {
    service = await startTestService({ env: { PROXY_DOWNLOADS: 'true' } });
    file = await service.store('alice', '0123456789', { fileName: 'Ü 1.txt' });
  });
  afterAll(() => service.close());

  const get = async (headers: Record<string, string> = {}, { user = 'alice', path = '', method = 'GET' } = {}) => {
    const response = await service.app.request(`/files/${file.fileId}/content${path}`, {
      method,
      headers: { authorization: `Bearer ${await mint(user)}`, ...headers },
    });
    const { status } = response;
    const header = (name: string) => response.headers.get(name);
    return { status, header, text: await response.text() };
  };

  it('returns the bytes, their type and name, uncached', async () => {
    const { status, header, text } = await get();
    expect([status, text]).toEqual([200, '0123456789']);
    expect(header('content-type')).toBe('text/plain');
    expect(header('content-length')).toBe('10');
    expect(header('content-disposition')).toBe(`attachment; filename="_ 1.txt"; filename*=UTF-8''%C3%9C%201.txt`);
    expect(header('etag')).toBe(file.etag);
    expect([header('cache-control'), header('x-content-type-options')]).toEqual(['no-store', 'nosniff']);
    expect((await get({}, { path: '?disposition=inline' })).header('content-disposition')).toContain('inline');
  });

  it.each([
    ['bytes=0-3', 'bytes 0-3/10', '0123'],
    ['bytes=4-', 'bytes 4-9/10', '456789'],
    ['bytes=-3', 'bytes 7-9/10', '789'],
    ['bytes=-30', 'bytes 0-9/10', '0123456789'],
    ['bytes=8-99', 'bytes 8-9/10', '89'],
    ['Bytes=0-3', 'bytes 0-3/10', '0123'],
  ])('returns the range %s', async (range, contentRange, bytes) => {
    const { status, header, text } = await get({ range });
    expect([status, header('content-range'), text]).toEqual([206, contentRange, bytes]);
    expect(header('content-length')).toBe(String(bytes.length));
  });

  it.each(['bytes=0-1,3-4', 'bytes=5-2', 'items=0-1', 'bytes=-', 'bytes=a-b'])(
    'gives all for the range %s',
    async (range) => {
      expect(await get({ range })).toMatchObject({ status: 200, text: '0123456789' });
    },
  );

  it.each(['bytes=10-', 'bytes=-0', 'bytes=99-100'])('answers 416 for the range %s', async (range) => {
    const { status, header, text } = await get({ range });
    expect([status, header('content-range'), JSON.parse(text).code]).toEqual([
      416,
      'bytes */10',
      'range-not-satisfiable',
    ]);
  });

  it('applies If-Range and If-None-Match', async () => {
    const etag = String(file.etag);
    expect(await get({ range: 'bytes=0-3', 'if-range': etag })).toMatchObject({ status: 206 });
    expect(await get({ range: 'bytes=0-3', 'if-range': '"other"' })).toMatchObject({ status: 200, text: '0123456789' });
    for (const known of [`"other", ${etag}`, `W/${etag}`, `"other",W/${etag}`, '*']) {
      expect(await get({ 'if-none-match': known })).toMatchObject({ status: 304, text: '' });
    }
    expect(await get({ 'if-none-match': '"other"' })).toMatchObject({ status: 200 });
    // If-Range needs a strong comparison (RFC 9110, section 13.1.5).
    expect(await get({ range: 'bytes=0-3', 'if-range': `W/${etag}` })).toMatchObject({ status: 200 });
  });

  it('answers HEAD with headers only', async () => {
    const { status, header, text } = await get({}, { method: 'HEAD' });
    expect([status, header('content-length'), text]).toEqual([200, '10', '']);
    // Range applies to GET only (RFC 9110, section 14.2).
    expect((await get({ range: 'bytes=0-3' }, { method: 'HEAD' })).status).toBe(200);
  });

  it('answers HEAD of a file of any size', async () => {
    const { services } = service;
    const findToDownload: typeof services.files.findToDownload = async (...query) => {
      const rows = await services.files.findToDownload(...query);
      return rows.map((row) => ({ ...row, sizeBytes: 5 * 1024 ** 4 }));
    };
    const app = createApp({ ...services, files: { ...services.files, findToDownload } });
    const server = await startServer(app.fetch, { host: '127.0.0.1', port: 0, keepAliveSeconds: 5 });
    const answer = await fetch(`http://127.0.0.1:${server.port}/files/${file.fileId}/content`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${await mint('alice')}` },
    });
    await server.stop();
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(5 * 1024 ** 4)]);
  });

  it('prevents that a browser runs code in the file', async () => {
    const policy = async (path = '') => (await get({}, { path })).header('content-security-policy');
    expect(await policy()).toBe("sandbox; default-src 'none'");
    expect(await policy('?disposition=inline')).toBe("sandbox; default-src 'none'");
  });

  it('adds each read and each refusal to the audit log', async () => {
    const events = () =>
      service.database.query(`select * from audit_events where action = 'download.content' order by id`);
    const { length } = await events();
    await get({ range: 'bytes=0-0' });
    expect(await get({}, { user: 'mallory' })).toMatchObject({ status: 404 });
    expect((await events()).slice(length)).toMatchObject([
      { user_id: 'alice', outcome: 'ok', file_id: file.fileId },
      { user_id: 'mallory', outcome: 'file-not-found', file_id: file.fileId },
    ]);
  });

  it('adds to the audit log how many bytes were sent, also of a read that its reader ended', async () => {
    // A file of its own: the rows of other tests' reads may still be on their way.
    const { fileId } = await service.store('alice', '0123456789');
    const sent = async () => {
      const { body } = await service.call<{ events: Record<string, unknown>[] }>(
        'alice',
        '/audit?action=download.sent',
      );
      return body.events
        .filter((event) => event.fileId === fileId)
        .map(({ sentBytes, outcome }) => ({ sentBytes, outcome }));
    };
    const last = async (count: number) => {
      await expect.poll(async () => (await sent()).length).toBe(count);
      return (await sent())[0];
    };
    const open = async (headers: Record<string, string> = {}, method = 'GET') =>
      service.app.request(`/files/${fileId}/content`, {
        method,
        headers: { authorization: `Bearer ${await mint('alice')}`, ...headers },
      });
    await (await open({ range: 'bytes=2-5' })).text();
    expect(await last(1)).toEqual({ sentBytes: 4, outcome: 'ok' });
    await (await open()).text();
    expect(await last(2)).toEqual({ sentBytes: 10, outcome: 'ok' });

    // Neither sends bytes.
    await (await open({}, 'HEAD')).text();
    await (await open({ 'if-none-match': '*' })).text();

    await (await open()).body?.cancel();
    expect(await last(3)).toEqual({ sentBytes: 0, outcome: 'ok' });

    const { bucket } = service.services;
    let reads = 0;
    const read: typeof bucket.read = async () => {
      if (++reads > 1) throw unavailable('storage', new Error('the bucket is away'));
      return Readable.from([Buffer.from('0123')]);
    };
    const before = service.app;
    service.app = createApp({ ...service.services, bucket: { ...bucket, read } });
    await expect((await open()).text()).rejects.toThrow();
    service.app = before;
    expect(await last(4)).toEqual({ sentBytes: 4, outcome: 'storage-unavailable' });
    expect(service.logs.map(({ message }) => message)).toContain('the content of a file ended early');
  });

  it('returns only the verified bytes', async () => {
    const changed = await service.store('alice', 'verified');
    await service.bucket.write(changed.objectKey, 'something else');
    expect((await service.call('alice', `/files/${changed.fileId}/content`)).status).toBe(409);
  });

  it('refuses an archived file', async () => {
    const archived = await service.store('alice', 'archived');
    await service.call('alice', `/files/${archived.fileId}/archive`, undefined, { method: 'POST' });
    expect((await service.call('alice', `/files/${archived.fileId}/content`)).status).toBe(409);
  });

  it('returns an empty file', async () => {
    const empty = await service.store('alice', '');
    const response = await service.app.request(`/files/${empty.fileId}/content`, {
      headers: { authorization: `Bearer ${await mint('alice')}` },
    });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('exists only with PROXY_DOWNLOADS=true', async () => {
    const plain = await startTestService();
    expect((await plain.call('alice', `/files/${file.fileId}/content`)).status).toBe(404);
    await plain.close();
  });
});

describe('readers that take nothing', () => {
  const MIB = 1024 ** 2;
  let service: TestService;
  let server: ServerType;
  let url: string;
  let file: { fileId: string };
  beforeAll(async () => {
    service = await startTestService({ env: { PROXY_DOWNLOADS: 'true' } });
    server = createAdaptorServer(service.app);
    url = await listen(server);
    // More than fits into all buffers between the bucket and a reader.
    file = await service.store('alice', 'x'.repeat(24 * MIB));
  });
  afterAll(async () => {
    server.close();
    await service.close();
  });

  const open = async (user: string, fileId: string): Promise<IncomingMessage> => {
    const headers = { authorization: `Bearer ${await mint(user)}` };
    const request = httpGet(`${url}/files/${fileId}/content`, { headers, agent: false });
    return (await once(request, 'response'))[0];
  };

  it('take no slots of others: 8 for each user, and the rest must wait', async () => {
    const readers = await Promise.all(Array.from({ length: 60 }, () => open('alice', file.fileId)));
    const statuses = readers.map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
    expect(statuses.filter((status) => status === 429)).toHaveLength(52);
    const refused = await service.call('alice', `/files/${file.fileId}/content`);
    expectProblem(refused, 429, 'rate-limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

    const other = await service.store('bob', 'of another');
    const response = await service.app.request(`/files/${other.fileId}/content`, {
      headers: { authorization: `Bearer ${await mint('bob')}` },
    });
    expect([response.status, await response.text()]).toEqual([200, 'of another']);
    await service.services.bucket.ping();

    // A slot is free as soon as its reader is gone.
    for (const reader of readers) reader.destroy();
    await expect
      .poll(async () => {
        const reader = await open('alice', file.fileId);
        reader.destroy();
        return reader.statusCode;
      })
      .toBe(200);
  });

  it('do not delay confirmations of forms and parts', async () => {
    const readers = await Promise.all(Array.from({ length: 60 }, () => open('alice', file.fileId)));
    const form = await service.call<{ objectKey: string; presignedUrl: string; fields: Record<string, string> }>(
      ...([
        'bob',
        '/presign-upload',
        { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'POST' },
      ] as const),
    );
    const data = new FormData();
    for (const [name, value] of Object.entries(form.body.fields)) data.append(name, value);
    data.append('file', new Blob(['hello']), 'a.txt');
    await fetch(form.body.presignedUrl, { method: 'POST', body: data });
    expect((await service.confirm('bob', form.body.objectKey)).status).toBe(201);

    const parts = await service.call<{ objectKey: string; uploadId: string; parts: { presignedUrl: string }[] }>(
      ...([
        'bob',
        '/presign-upload',
        { fileName: 'a.txt', contentType: 'text/plain', size: 5, method: 'MULTIPART' },
      ] as const),
    );
    const { objectKey, uploadId } = parts.body;
    await fetch(parts.body.parts[0]?.presignedUrl ?? '', { method: 'PUT', body: 'hello' });
    expect((await service.call('bob', '/confirm-upload', { objectKey, uploadId })).status).toBe(201);
    for (const reader of readers) reader.destroy();
  });
});

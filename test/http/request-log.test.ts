import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { PROXY_DOWNLOADS: 'true' } });
});
afterAll(() => service.close());

/** The fields of the last request's line. */
const line = () => service.logs.findLast(({ message }) => message === 'request');

describe('the log line of a request', () => {
  it('has the route as a template, and the sizes of both bodies', async () => {
    const body = JSON.stringify({ fileName: 'a.txt', contentType: 'text/plain', size: 5, metadata: { note: 'ü' } });
    const answer = await service.call('alice', '/presign-upload', body);
    expect(line()?.fields).toMatchObject({
      path: '/presign-upload',
      route: '/presign-upload',
      status: 200,
      bytesIn: Buffer.byteLength(body),
      bytesOut: Buffer.byteLength(JSON.stringify(answer.body)),
    });
    expect(line()?.fields).not.toHaveProperty('code');
    expect(line()?.fields).not.toHaveProperty('traceId');
  });

  it('has the announced size of a content, and none for HEAD', async () => {
    const { fileId } = await service.store('alice', 'hello world');
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const path = `/files/${fileId}/content`;
    expect(await (await service.app.request(path, { headers })).text()).toBe('hello world');
    expect(line()?.fields).toMatchObject({ path, route: '/files/:fileId/content', bytesOut: 11 });
    await service.app.request(path, { headers, method: 'HEAD' });
    expect(line()?.fields).toMatchObject({ method: 'HEAD', bytesOut: 0 });
  });

  it('has the code of a problem, and no route where none matches', async () => {
    await service.call('alice', '/presign-upload', { fileName: 'a.txt' });
    expect(line()?.fields).toMatchObject({ status: 400, code: 'invalid-request' });
    await service.call('alice', '/no/such/route');
    expect(line()?.fields).toMatchObject({ status: 404, code: 'route-not-found' });
    expect(line()?.fields).not.toHaveProperty('route');
  });

  it('has the trace of a traceparent, where nothing is traced, and of a sane one only', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const answer = await service.call('alice', '/usage', undefined, { headers: { traceparent } });
    expect(line()?.fields).toMatchObject({ traceId });
    expect(answer.headers.get('traceparent')).toBeNull();
    for (const wrong of [
      `x${traceparent}`,
      `ff${traceparent.slice(2)}`,
      traceparent.replace(traceId, '0'.repeat(32)),
    ]) {
      await service.call('alice', '/usage', undefined, { headers: { traceparent: wrong } });
      expect(line()?.fields).not.toHaveProperty('traceId');
    }
  });

  it('of a probe is at debug', async () => {
    await service.app.request('/healthz');
    expect(line()).toMatchObject({ level: 'debug', fields: { route: '/healthz', status: 200 } });
    await service.app.request('/readyz');
    expect(line()).toMatchObject({ level: 'debug', fields: { route: '/readyz' } });
    await service.app.request('/usage');
    expect(line()).toMatchObject({ level: 'info', fields: { refusal: { why: 'there is no Authorization header' } } });
  });
});

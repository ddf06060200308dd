import { createServer, request as sendRequest } from 'node:http';
import { trace } from '@opentelemetry/api';
import * as conventions from '@opentelemetry/semantic-conventions';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startJobs } from '../../src/jobs/start-jobs.ts';
import { listen } from '../helpers/listen.ts';
import { startRelay } from '../helpers/relay.ts';
import { mint, startTestBucket, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';
import { collectSpans } from '../telemetry/collect-spans.ts';

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const PARENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${PARENT.traceId}-${PARENT.spanId}-01`;

const collected = collectSpans();
let service: TestService;
let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let relay: Awaited<ReturnType<typeof startRelay>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  relay = await startRelay(bucket.endpoint);
  const env = { ...bucket.env, S3_ENDPOINT: relay.url, S3_PUBLIC_ENDPOINT: bucket.endpoint, PROXY_DOWNLOADS: 'true' };
  service = await startTestService({ env });
});
afterAll(async () => {
  await service.close();
  await relay.goAway();
  await bucket.close();
  collected.unload();
});
beforeEach(() => collected.clear());

const bucketCall = (operation: string) => ({
  name: `S3.${operation}`,
  kind: 'CLIENT',
  attributes: { 'rpc.system.name': 'aws-api', 'rpc.method': `S3/${operation}` },
});
const statement = (name: string) => ({
  name,
  kind: 'CLIENT',
  attributes: { 'db.system.name': 'postgresql', 'db.query.summary': name },
});
const route = (method: string, template: string, status: number, path = template) => ({
  name: `${method} ${template}`,
  kind: 'SERVER',
  attributes: {
    'http.request.method': method,
    'http.route': template,
    'http.response.status_code': status,
    'url.path': path,
    'url.scheme': 'http',
    'signpost.request_id': expect.any(String),
  },
});

describe('the spans of a request', () => {
  it('are one for presigning, which asks nobody', async () => {
    await service.presign('alice', TEXT);
    expect(collected.trees()).toEqual([route('POST', '/presign-upload', 200)]);
  });

  it('are the route, its bucket calls and its statements for confirming and downloading', async () => {
    const upload = await service.presign('alice', TEXT);
    await service.put(upload, 'hello');
    collected.clear();
    const { body } = await service.confirm('alice', upload.objectKey);
    const [confirm, ...others] = collected.trees();
    expect(others).toEqual([]);
    expect(confirm).toMatchObject(route('POST', '/confirm-upload', 201));
    // The bucket is asked for the object and its first bytes at the same time.
    const children = confirm?.children?.map(({ name, kind, attributes }) => ({ name, kind, attributes })) ?? [];
    expect(children.slice(0, 2)).toHaveLength(2);
    expect(children.slice(0, 2)).toEqual(expect.arrayContaining([bucketCall('HeadObject'), bucketCall('GetObject')]));
    expect(children.slice(2)).toEqual([statement('files_insert')]);

    collected.clear();
    await service.call('alice', '/presign-download', { fileId: body.fileId });
    expect(collected.trees()).toEqual([
      { ...route('POST', '/presign-download', 200), children: [statement('files_find_to_download')] },
    ]);

    collected.clear();
    const path = `/files/${body.fileId}/content`;
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    await (await service.app.request(path, { headers })).text();
    expect(collected.trees()).toEqual([
      {
        ...route('GET', '/files/:fileId/content', 200, path),
        children: [statement('files_find_to_download'), bucketCall('GetObject')],
      },
    ]);
  });

  it('have the names of the semantic conventions', async () => {
    await service.store('alice', 'hello');
    const known = new Set<unknown>(Object.values(conventions));
    const names = new Set(collected.spans().flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...names].filter((name) => !known.has(name))).toEqual(['signpost.request_id']);
  });

  it('are none for probes, and none for the calls of jobs', async () => {
    await service.app.request('/healthz');
    await service.app.request('/readyz?full');
    const stop = startJobs(withConfig(service.services, 'jobs', { intervalSeconds: 3600 }), () => 0);
    await expect.poll(() => service.logs.some(({ message }) => message === 'sweep')).toBe(true);
    await stop();
    expect(collected.trees()).toEqual([]);
  });

  it('have nothing secret: no token, no signature, no key, no parameter', async () => {
    const token = await mint('alice');
    const authorization = `Bearer ${token}`;
    const { objectKey } = await service.store('alice', 'hello', {
      fileName: 'private-name.txt',
      metadata: { note: 'private-note' },
    });
    await service.call('alice', '/files?q=private-query');
    await service.app.request(`/t/${token}/s3/params?filename=private-name.txt&type=text/plain`);
    await service.app.request(`/files/${token}`, { headers: { authorization } });
    await service.app.request('/events/s3?secret=private-secret', { method: 'POST' });
    await service.call('alice', '/confirm-upload', { objectKey: `${objectKey}x` });
    const text = JSON.stringify(
      collected.spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    );
    expect(collected.spans().length).toBeGreaterThan(8);
    expect(text).not.toMatch(/eyJ|X-Amz|private-|Bearer|alice/i);
  });
});

describe('the trace', () => {
  it('continues the traceparent of the request, which the answer and the log name', async () => {
    const { headers } = await service.call('alice', '/presign-upload', TEXT, { headers: { traceparent: TRACEPARENT } });
    const [span] = collected.spans();
    expect(span?.parentSpanContext).toMatchObject(PARENT);
    const { traceId, spanId } = span?.spanContext() ?? {};
    expect(traceId).toBe(PARENT.traceId);
    expect(headers.get('traceparent')).toBe(`00-${traceId}-${spanId}-01`);
    expect(service.logs.at(-1)?.fields).toMatchObject({ traceId, route: '/presign-upload' });
  });

  it('is a new one after an invalid traceparent', async () => {
    for (const traceparent of ['garbage', TRACEPARENT.replace(PARENT.traceId, '0'.repeat(32))]) {
      await service.call('alice', '/presign-upload', TEXT, { headers: { traceparent } });
    }
    expect(collected.spans().map(({ parentSpanContext }) => parentSpanContext)).toEqual([undefined, undefined]);
  });

  it('is that of the app around it', async () => {
    await trace.getTracer('app').startActiveSpan('the app', async (span) => {
      await service.call('alice', '/presign-upload', TEXT, { headers: { traceparent: TRACEPARENT } });
      span.end();
    });
    expect(collected.trees()).toMatchObject([
      { name: 'the app', children: [{ name: 'POST /presign-upload', kind: 'INTERNAL' }] },
    ]);
  });

  it('is named to the bucket, outside of its signature', async () => {
    const sent: string[] = [];
    const { host } = new URL(bucket.endpoint);
    const proxy = createServer((incoming, outgoing) => {
      if (incoming.method === 'HEAD')
        sent.push(String(incoming.headers.traceparent), String(incoming.headers.authorization));
      const { method, url, headers } = incoming;
      const forwarded = sendRequest(`http://${host}${url}`, { method, headers, setHost: false }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(forwarded);
    });
    const env = { ...bucket.env, S3_ENDPOINT: await listen(proxy), S3_PUBLIC_ENDPOINT: bucket.endpoint };
    const proxied = await startTestService({ env });
    try {
      const upload = await proxied.presign('alice', TEXT);
      await proxied.put(upload, 'hello');
      collected.clear();
      sent.length = 0;
      expect((await proxied.confirm('alice', upload.objectKey)).status).toBe(201);
      const head = collected.spans().find(({ name }) => name === 'S3.HeadObject');
      const { traceId, spanId } = head?.spanContext() ?? {};
      expect(sent[0]).toBe(`00-${traceId}-${spanId}-01`);
      expect(sent[1]).toContain('SignedHeaders=');
      expect(sent[1]).not.toContain('traceparent');
    } finally {
      await proxied.close();
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});

describe('an error', () => {
  it('is in the span of the call and of the request', async () => {
    const { objectKey } = await service.presign('alice', TEXT);
    collected.clear();
    await relay.goAway();
    try {
      expect((await service.confirm('alice', objectKey)).status).toBe(503);
    } finally {
      await relay.comeBack();
    }
    const [tree] = collected.trees();
    expect(tree).toMatchObject({
      failed: true,
      attributes: { 'error.type': 'storage-unavailable', 'signpost.problem': 'storage-unavailable' },
    });
    expect(tree?.children?.find(({ name }) => name === 'S3.HeadObject')).toMatchObject({
      failed: true,
      attributes: { 'error.type': 'network' },
    });
    const { events } = collected.spans().find(({ kind }) => kind === 1) ?? {};
    expect(events).toMatchObject([{ name: 'exception', attributes: { 'exception.message': /ECONNREFUSED|reset/ } }]);
  });

  it('of the caller does not count as one of the service: no span fails', async () => {
    const { objectKey } = await service.presign('alice', TEXT);
    collected.clear();
    expect((await service.confirm('alice', objectKey)).status).toBe(404);
    expect(collected.trees()).toMatchObject([{ attributes: { 'signpost.problem': 'object-not-found' } }]);
    expect(JSON.stringify(collected.trees())).not.toContain('failed');
  });
});

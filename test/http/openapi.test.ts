import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import type { Env } from '../../src/http/env.ts';
import { OPERATIONS } from '../../src/http/openapi/describe-api.ts';
import { operations } from '../helpers/description.ts';
import { holdAnswers } from '../helpers/hold-answers.ts';
import { startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

describe('the description of the API', () => {
  it('has every route of the service, and no other', () => {
    const app = createApp({ ...service.services, page: null });
    // The page of the description is for people.
    const routes = app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/docs')
      .map(({ method, path }) => `${method} ${path}`);
    const described = Object.keys(OPERATIONS).map((route) =>
      route.replace(/(uploadId)\/(batch|:partNumber)$/, '$1/:part'),
    );
    expect([...new Set(described)].sort()).toEqual(routes.sort());
    expect(new Set(operations.map(({ id }) => id)).size).toBe(Object.keys(OPERATIONS).length);
  });

  it('is open to everybody, and every reference in it leads somewhere', async () => {
    const response = await service.app.request('/openapi.json');
    expect(response.status).toBe(200);
    const text = await response.text();
    const document = JSON.parse(text);
    expect(document.openapi).toBe('3.1.0');
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    const target = (path: string) => path.split('/').reduce((value, name) => value?.[name], document);
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((path) => target(path) === undefined)).toEqual([]);
    expect(Object.keys(document.paths)).toContain('/t/{token}/s3/params');
    expect(document.paths['/presign-upload'].post.responses['413']).toBeDefined();
  });

  it('describes the numbers of queries and paths as numbers', async () => {
    const { paths } = JSON.parse(await (await service.app.request('/openapi.json')).text());
    const find = (path: string, name: string) =>
      paths[path].get.parameters.find((parameter: { name: string }) => parameter.name === name);
    const part = { type: 'integer', minimum: 1, maximum: 10_000 };
    expect(find('/files', 'limit').schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 1000 });
    expect(find('/files', 'limit').schema).not.toHaveProperty('pattern');
    expect(find('/s3/multipart/{uploadId}/{partNumber}', 'partNumber').schema).toEqual(part);
    const list = { explode: false, schema: { type: 'array', items: part, maxItems: 100 } };
    expect(find('/s3/multipart/{uploadId}/batch', 'partNumbers')).toMatchObject(list);
  });
});

describe('an answer that the description does not have', () => {
  const headers = { 'x-request-id': 'x', 'cache-control': 'no-store' };
  const answering = (body: unknown, status = 200, more: Record<string, string> = headers) => {
    const app = new Hono<Env>();
    app.get('/healthz', (c) => c.json(body, status as 200, more));
    return holdAnswers(app).request('/healthz');
  };

  it.each([
    ['of another status', 'not described', () => answering({}, 418)],
    ['with another body', 'must be equal to constant', () => answering({ status: 'well' })],
    ['without a field', 'must have required property', () => answering({})],
    ['with another field', 'must NOT have additional', () => answering({ status: 'ok', more: 1 })],
    ['of another type', 'its type is text/html', () => answering({}, 200, { ...headers, 'content-type': 'text/html' })],
    ['without a header', 'without X-Request-Id', () => answering({}, 200, { 'cache-control': 'no-store' })],
    ['with another header', 'x-more is not described', () => answering({}, 200, { ...headers, 'x-more': '1' })],
    ['that may be cached', 'it may be cached', () => answering({}, 200, { 'x-request-id': 'x' })],
  ])('%s fails the test that gets it', async (_, why, answer) => {
    await expect(answer()).rejects.toThrow(why);
  });

  it('ignores answers that are described', async () => {
    expect((await answering({ status: 'ok' })).status).toBe(200);
  });
});

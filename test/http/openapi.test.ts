import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/contract/errors.ts';
import { companionProblemAnswer, problemAnswer } from '../../src/contract/problem-answer.ts';
import { createApp } from '../../src/http/app.ts';
import { OPERATIONS } from '../../src/http/openapi/describe-api.ts';
import { type Operation, problemsOf } from '../../src/http/openapi/operation.ts';
import { mint, SECRET, startTestService, type TestService } from '../helpers/test-service.ts';

const EVENTS_SECRET = 'a secret for bucket events, long enough';
const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const MULTIPART = { ...TEXT, method: 'MULTIPART' };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { EVENTS_SECRET, PROXY_DOWNLOADS: 'true', JWT_SECRET: SECRET } });
});
afterAll(() => service.close());

const byId = new Map(Object.entries(OPERATIONS).map(([route, operation]) => [operation.id, { route, operation }]));

/** Holds an answer against the description of its route. */
async function hold(operation: Operation, route: string, response: Response): Promise<unknown> {
  const what = `${operation.id} ${response.status}`;
  const { status, headers } = response;
  expect(headers.get('x-request-id'), what).not.toBeNull();
  if (headers.get('content-type') === 'application/problem+json') {
    const schema = route.includes(' /s3/') ? companionProblemAnswer : problemAnswer;
    const body = schema.parse(await response.json());
    expect(problemsOf(operation), what).toContain(body.code);
    expect(PROBLEMS[body.code]).toMatchObject({ status, title: body.title });
    return body;
  }
  const described = operation.answers[status];
  if (described === undefined) throw new Error(`${what} is not described`);
  for (const name of Object.keys(described.headers ?? {})) expect(headers.get(name), `${what} ${name}`).not.toBeNull();
  if (described.schema !== undefined) return described.schema.parse(await response.json());
  const text = await response.text();
  if (described.bytes !== true) expect(text, what).toBe('');
  return text;
}

/** Calls a route by its id, and holds what it answers against its description. */
async function ask(id: string, { params = {}, query = '', body, headers = {} }: Ask = {}) {
  const known = byId.get(id);
  if (known === undefined) throw new Error(`${id} is not described`);
  const { route, operation } = known;
  const [method = '', template = ''] = route.split(' ');
  const path = template.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const response = await service.app.request(path + query, {
    method,
    headers: {
      authorization: `Bearer ${await mint('alice')}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await hold(operation, route, response)) as never };
}
type Ask = {
  params?: Record<string, string>;
  query?: string;
  body?: unknown;
  headers?: Record<string, string>;
};

describe('the description of the API', () => {
  it('has every route of the service, and no other', () => {
    const app = createApp({ ...service.services, page: null });
    const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
    const described = Object.keys(OPERATIONS).map((route) =>
      route.replace(/(uploadId)\/(batch|:partNumber)$/, '$1/:part'),
    );
    expect([...new Set(described)].sort()).toEqual(routes.sort());
    expect(byId.size).toBe(Object.keys(OPERATIONS).length);
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

  it('says what each route answers to somebody who may not call it', async () => {
    for (const [id, { operation }] of byId) {
      if (operation.scopes === null) continue;
      expect((await ask(id, { headers: { authorization: '' } })).status, id).toBe(401);
      const other = { authorization: `Bearer ${await mint('alice', { scope: 'email' })}` };
      expect((await ask(id, { headers: other })).status, id).toBe(403);
    }
  });

  it('says what uploads and files are answered', async () => {
    const upload = (await ask('presignUpload', { body: TEXT })).body;
    expect((await service.put(upload, 'hello')).status).toBe(200);
    const { objectKey } = upload as { objectKey: string };
    expect((await ask('confirmUpload', { body: { objectKey } })).status).toBe(201);
    expect((await ask('confirmUpload', { body: { objectKey } })).status).toBe(200);
    const { fileId } = upload as { fileId: string };
    const params = { fileId };
    await ask('presignUpload', { body: { ...TEXT, method: 'POST' } });
    await ask('presignUploads', { body: { files: [TEXT, MULTIPART] } });
    await ask('presignDownload', { body: { fileId } });
    await ask('presignDownloads', { body: { fileIds: [fileId] } });
    for (const id of ['listFiles', 'getUsage', 'getLimits', 'listAuditEvents']) {
      expect((await ask(id)).status, id).toBe(200);
      if (id !== 'getUsage') expect((await ask(id, { query: '?what=1' })).status, id).toBe(400);
    }
    expect((await ask('redirectToDownload', { params })).status).toBe(302);
    expect((await ask('readContent', { params })).status).toBe(200);
    expect((await ask('readContent', { params, headers: { range: 'bytes=1-2' } })).status).toBe(206);
    expect((await ask('readContent', { params, headers: { range: 'bytes=9-' } })).status).toBe(416);
    expect((await ask('readContent', { params, headers: { 'if-none-match': '*' } })).status).toBe(304);
    await ask('changeFile', { params, body: { fileName: 'b.txt' } });
    for (const id of ['getFile', 'archiveFile', 'restoreFile']) expect((await ask(id, { params })).status).toBe(200);
    expect((await ask('restoreFile', { params })).status).toBe(409);
    expect((await ask('abortUpload', { body: { objectKey } })).status).toBe(409);
    expect((await ask('deleteFile', { params })).status).toBe(204);
    for (const id of ['getFile', 'redirectToDownload', 'readContent', 'archiveFile', 'restoreFile', 'deleteFile']) {
      expect((await ask(id, { params })).status, id).toBe(404);
    }
  });

  it('says what parts, Uppy and Companion are answered', async () => {
    const upload = (await ask('presignUpload', { body: MULTIPART })).body as { objectKey: string; uploadId: string };
    const { objectKey, uploadId } = upload;
    await ask('presignParts', { body: { objectKey, uploadId, partNumbers: [1] } });
    await ask('listParts', { body: { objectKey, uploadId } });
    expect((await ask('listParts', { body: { objectKey, uploadId: 'x' } })).status).toBe(404);
    expect((await ask('abortUpload', { body: { objectKey, uploadId } })).status).toBe(204);
    await ask('signUppyRequest', { body: { method: 'PUT', key: 'a.txt', expiresIn: 60 } });
    expect((await ask('companionParams', { query: '?filename=a.txt&type=text/plain' })).status).toBe(200);
    const begun = await ask('companionBegin', { body: { filename: 'a.txt', type: 'text/plain' } });
    const { key, uploadId: begunId } = begun.body as { key: string; uploadId: string };
    const of = { params: { uploadId: begunId, partNumber: '1' }, query: `?key=${encodeURIComponent(key)}` };
    const { url } = (await ask('companionSignPart', of)).body as { url: string };
    const { headers } = await fetch(url, { method: 'PUT', body: 'hello' });
    expect((await ask('companionSignParts', { ...of, query: `${of.query}&partNumbers=1,2` })).status).toBe(200);
    expect((await ask('companionListParts', of)).status).toBe(200);
    const parts = [{ PartNumber: 1, ETag: headers.get('etag') }];
    expect((await ask('companionComplete', { ...of, body: { parts } })).status).toBe(200);
    expect((await ask('companionAbort', of)).status).toBe(409);
    expect((await ask('companionListParts', { ...of, query: '' })).status).toBe(400);
  });

  it('says what probes and bucket events are answered', async () => {
    for (const id of ['isAlive', 'isReady', 'describeApi']) expect((await ask(id)).status, id).toBe(200);
    const headers = { authorization: `Bearer ${EVENTS_SECRET}` };
    expect((await ask('takeBucketEvents', { body: { Records: [] }, headers })).status).toBe(204);
    const s3 = { bucket: { name: 'other' }, object: { key: 'a' } };
    const body = { Records: [{ eventName: 'ObjectCreated:Put', s3 }] };
    expect((await ask('takeBucketEvents', { body, headers })).status).toBe(200);
    expect((await ask('takeBucketEvents', { body, headers: { authorization: '' } })).status).toBe(401);
  });

  it('has what every body can be refused for', async () => {
    for (const [id, { operation }] of byId) {
      if (operation.body === undefined || operation.scopes === null) continue;
      const wrong = { body: { wrong: true }, query: '?key=alice/_/_/a/b' };
      expect((await ask(id, wrong)).status, id).toBe(400);
      expect((await ask(id, { ...wrong, headers: { 'content-type': 'text/html' } })).status, id).toBe(415);
      expect((await ask(id, { ...wrong, headers: { 'content-length': '9999999' } })).status, id).toBe(413);
    }
  });
});

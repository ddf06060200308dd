import { afterAll, beforeAll, expect } from 'vitest';
import { type Answer, expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

export const MIB = 1024 ** 2;
export const MAX_BYTES = 20 * MIB;

export type Params = { method: string; url: string; fields: Record<string, string>; expires: number } & Record<
  string,
  unknown
>;
export type Begun = { key: string; uploadId: string; bucket: string };
export type Part = { PartNumber: number; ETag: string };

/** Started for the test file that imports this. */
export let service: TestService;
beforeAll(async () => {
  const policies = { id: { maxBytes: 10, contentTypes: ['text/*'] } };
  service = await startTestService({
    env: { MAX_UPLOAD_BYTES: String(MAX_BYTES), UPLOAD_POLICIES: JSON.stringify(policies) },
  });
});
afterAll(() => service.close());

export const params = (query: Record<string, string>, on = service) =>
  on.call<Params>('alice', `/s3/params?${new URLSearchParams(query)}`);
export const begin = async (metadata: Record<string, unknown> = {}, type = 'application/octet-stream') => {
  const answer = await service.call<Begun>('alice', '/s3/multipart', { filename: 'film.bin', type, metadata });
  expect(answer.status).toBe(200);
  return answer.body;
};
export const path = ({ key, uploadId }: Begun, more = '') =>
  `/s3/multipart/${encodeURIComponent(uploadId)}${more}?key=${encodeURIComponent(key)}`;
export const signPart = (upload: Begun, number: number | string) =>
  service.call<{ url: string; expires: number }>('alice', path(upload, `/${number}`));
export const sendPart = async (upload: Begun, number: number, bytes: Uint8Array<ArrayBuffer>): Promise<Part> => {
  const { body } = await signPart(upload, number);
  const response = await fetch(body.url, { method: 'PUT', body: bytes });
  expect(response.status).toBe(200);
  return { PartNumber: number, ETag: response.headers.get('etag') ?? '' };
};
export const complete = (upload: Begun, parts: object[], user = 'alice') =>
  service.call(user, path(upload, '/complete'), { parts });
export const submit = ({ url, fields }: Params, content: string) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([content]));
  return fetch(url, { method: 'POST', body: form });
};
/** A refusal, as both kinds of clients read it. */
export const expectRefusal = (answer: Answer, status: number, code: string) => {
  expectProblem(answer, status, code);
  expect(answer.body.error).toBe(answer.body.detail);
  expect(answer.body.message).toBe(answer.body.detail);
};

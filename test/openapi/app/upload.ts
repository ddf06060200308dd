// A client whose types are generated from the description: uploads a text, and prints its file as it is listed.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

const { SIGNPOST = '', TOKEN = '' } = process.env;
const api = createClient<paths>({ baseUrl: SIGNPOST, headers: { authorization: `Bearer ${TOKEN}` } });

function required<T>(data: T | undefined, error: components['schemas']['Problem'] | undefined): T {
  if (data === undefined) throw new Error(`${error?.code}: ${error?.detail}`);
  return data;
}

const bytes = new TextEncoder().encode('hello');
const presigned = await api.POST('/presign-upload', {
  body: { fileName: 'hello.txt', contentType: 'text/plain', size: bytes.length, metadata: { source: 'generated' } },
});
const upload = required(presigned.data, presigned.error);
if (upload.method !== 'PUT') throw new Error('a small file goes in one PUT');
const stored = await fetch(upload.presignedUrl, { method: upload.method, headers: upload.headers, body: bytes });
if (!stored.ok) throw new Error(`the bucket answered ${stored.status}`);

const confirmed = await api.POST('/confirm-upload', { body: { objectKey: upload.objectKey } });
const { fileId } = required(confirmed.data, confirmed.error);
const listed = await api.GET('/files', { params: { query: { limit: 1, contentType: 'text/*' } } });
const [file] = required(listed.data, listed.error).files;
if (file?.fileId !== fileId) throw new Error('the file is not listed');

const missing = await api.GET('/files/{fileId}', { params: { path: { fileId: crypto.randomUUID() } } });
if (missing.error?.code !== 'file-not-found') throw new Error('a missing file is found');
console.log(JSON.stringify(file));

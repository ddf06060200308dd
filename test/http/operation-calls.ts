import type { createApp } from '../../src/http/app.ts';
import { operations } from '../helpers/description.ts';
import { mint, SECRET, type TestService } from '../helpers/test-service.ts';

type App = ReturnType<typeof createApp>;

/** A request of an operation. `null` as a header: without it. */
export type Call = {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string | null>;
};
export type Calls = Record<string, Call>;
type Begun = { objectKey: string; uploadId: string };

export const EVENTS_SECRET = 'a secret for bucket events, long enough';
const POLICIES = { tiny: { maxBytes: 1 }, image: { contentTypes: ['image/*'] }, held: { hold: true } };
/** The settings of a service that `callsOf` suits. */
export const ENV = {
  EVENTS_SECRET,
  PROXY_DOWNLOADS: 'true',
  RATE_LIMIT_PER_MINUTE: '100000',
  JWT_SECRET: SECRET,
  UPLOAD_POLICIES: JSON.stringify(POLICIES),
};
export const TEXT = {
  fileName: 'lease 2026.txt',
  contentType: 'text/plain',
  size: 5,
  recordId: 'case-42',
  documentType: 'contract',
  metadata: { source: 'scanner-3' },
};

/** Sends alice's request of an operation; returns the status, and the code of a problem or what else was answered. */
export async function ask(app: App, id: string, call: Call = {}) {
  const operation = operations.find((each) => each.id === id);
  if (operation === undefined) throw new Error(`${id} is not described`);
  const { params = {}, query = {}, body, headers = {} } = call;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const sent = new Headers({ authorization: `Bearer ${await mint('alice', { scope: 'files:admin' })}` });
  if (body !== undefined) sent.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) value === null ? sent.delete(name) : sent.set(name, value);
  const response = await app.request(`${path}?${new URLSearchParams(query)}`, {
    method: operation.method,
    headers: sent,
    ...(body !== undefined && { body: body instanceof ReadableStream ? body : JSON.stringify(body), duplex: 'half' }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const answered = isJson ? JSON.parse(text) : text;
  return {
    status: response.status,
    code: answered.code as string | undefined,
    body: answered,
    headers: response.headers,
  };
}

/** The call with another text in place of one. */
export function replaceIn(call: Call, text: string, other: string): Call {
  return JSON.parse(JSON.stringify(call).replaceAll(text, other));
}

/**
 * A file, a held one, an upload that arrived, and uploads in parts, all of alice's.
 * @param text the five bytes of the uploads that are not confirmed.
 */
export async function prepare(service: TestService, { type = 'text/plain', text = 'hello' } = {}) {
  const { app } = service;
  const begin = async (id: string, body: unknown): Promise<Begun> => {
    const { objectKey, key = objectKey, uploadId } = (await ask(app, id, { body })).body;
    return { objectKey: key, uploadId };
  };
  const file = await service.store('alice', 'hello', TEXT);
  const held = await service.store('alice', 'hello', { ...TEXT, documentType: 'held' });
  const arrived = await service.presign('alice', { ...TEXT, contentType: type });
  await service.put(arrived, text);
  const companion = () => begin('companionBegin', { filename: TEXT.fileName, type });
  const complete = await companion();
  const part = { params: { uploadId: complete.uploadId, partNumber: '1' }, query: { key: complete.objectKey } };
  const { url } = (await ask(app, 'companionSignPart', part)).body;
  const { headers } = await fetch(url, { method: 'PUT', body: text });
  return {
    file,
    held,
    arrived,
    parts: await begin('presignUpload', { ...TEXT, method: 'MULTIPART' }),
    companion: await companion(),
    complete: { ...complete, etag: headers.get('etag') },
  };
}

/**
 * A request of each operation that succeeds, in an order in which all of them do. Those that need a token are sent by
 * an admin, for alice.
 */
export function callsOf(
  { file, held, arrived, parts, companion, complete }: Awaited<ReturnType<typeof prepare>>,
  bucket: string,
): Calls {
  const { fileId } = file;
  const ofCompanion = { params: { uploadId: companion.uploadId }, query: { key: companion.objectKey } };
  const ofFile = { params: { fileId } };
  const place = { bucket: { name: bucket }, object: { key: arrived.objectKey } };
  const event = { Records: [{ eventName: 'ObjectCreated:Put', s3: place }] };
  return {
    isAlive: {},
    isReady: { query: { full: '' } },
    describeApi: {},
    getReceiptKeys: {},
    getClient: {},
    getUploader: {},
    getLimits: {},
    getUsage: {},
    presignUpload: { body: TEXT },
    presignUploads: { body: { files: [TEXT] } },
    presignParts: { body: { ...parts, partNumbers: [1] } },
    listParts: { body: parts },
    signUppyRequest: { body: { method: 'PUT', key: TEXT.fileName, size: TEXT.size, expiresIn: 300 } },
    companionParams: { query: { filename: TEXT.fileName, type: TEXT.contentType } },
    companionBegin: { body: { filename: TEXT.fileName, type: TEXT.contentType } },
    companionSignPart: { ...ofCompanion, params: { ...ofCompanion.params, partNumber: '1' } },
    companionSignParts: { ...ofCompanion, query: { key: companion.objectKey, partNumbers: '1,2' } },
    companionListParts: ofCompanion,
    companionAbort: ofCompanion,
    companionComplete: {
      params: { uploadId: complete.uploadId },
      query: { key: complete.objectKey },
      body: { parts: [{ PartNumber: 1, ETag: complete.etag }] },
    },
    confirmUpload: { body: { objectKey: arrived.objectKey } },
    abortUpload: { body: parts },
    issueCredentials: { body: {} },
    companionCredentials: {},
    takeBucketEvents: { body: event, headers: { authorization: `Bearer ${EVENTS_SECRET}` } },
    listFiles: { query: { limit: '2', contentType: 'text/*' } },
    listAuditEvents: { query: { limit: '2' } },
    presignDownload: { body: { fileId } },
    presignDownloads: { body: { fileIds: [fileId] } },
    redirectToDownload: ofFile,
    readContent: ofFile,
    getFile: ofFile,
    changeFile: { ...ofFile, body: { fileName: 'lease 2027.txt', metadata: {} } },
    archiveFile: ofFile,
    restoreFile: ofFile,
    listHeldFiles: { query: { limit: '1' } },
    getVerdict: { params: { fileId: held.fileId } },
    judgeFile: { params: { fileId: held.fileId }, body: { verdict: 'clean' } },
    deleteFile: ofFile,
  };
}

/** Asks for everything, and expects each answer that is not a problem. */
export async function answerAll(app: App, calls: Calls) {
  const answered: { id: string; call: Call; status: number; body: unknown }[] = [];
  const add = async (id: string, more: Call = {}) => {
    const call = { ...calls[id], ...more };
    const { status, code, body } = await ask(app, id, call);
    if (status >= 400) throw new Error(`${id} answered ${code}`);
    answered.push({ id, call, status, body });
  };
  for (const id of Object.keys(calls)) {
    await add(id);
    if (id === 'confirmUpload') await add(id);
    if (id === 'readContent') await add(id, { headers: { range: 'bytes=1-2' } });
    if (['readContent', 'getClient', 'getUploader'].includes(id)) await add(id, { headers: { 'if-none-match': '*' } });
  }
  await add('takeBucketEvents', { body: { Records: [] } });
  return answered;
}

import type { createApp } from '../../src/http/app.ts';
import { operations } from '../helpers/description.ts';
import { mint, type TestService } from '../helpers/test-service.ts';

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
export const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };

/** Sends alice's request of an operation; returns the status, and the code of a problem or what else was answered. */
export async function ask(app: ReturnType<typeof createApp>, id: string, call: Call = {}) {
  const operation = operations.find((each) => each.id === id);
  if (operation === undefined) throw new Error(`${id} is not described`);
  const { params = {}, query = {}, body, headers = {} } = call;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? '1'));
  const sent = new Headers({ authorization: `Bearer ${await mint('alice', { scope: 'files:admin' })}` });
  if (body !== undefined) sent.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) value === null ? sent.delete(name) : sent.set(name, value);
  const response = await app.request(`${path}?${new URLSearchParams(query)}`, {
    ...{ method: operation.method, headers: sent },
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
  const file = await service.store('alice', 'hello');
  const held = await service.store('alice', 'hello', { documentType: 'held' });
  const arrived = await service.presign('alice', { ...TEXT, contentType: type });
  await service.put(arrived, text);
  const companion = () => begin('companionBegin', { filename: 'a.txt', type });
  const complete = await companion();
  const part = { params: { uploadId: complete.uploadId }, query: { key: complete.objectKey } };
  const { url } = (await ask(app, 'companionSignPart', part)).body;
  const { headers } = await fetch(url, { method: 'PUT', body: text });
  return {
    ...{ file, held },
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
    getLimits: {},
    getUsage: {},
    presignUpload: { body: TEXT },
    presignUploads: { body: { files: [TEXT] } },
    presignParts: { body: { ...parts, partNumbers: [1] } },
    listParts: { body: parts },
    signUppyRequest: { body: { method: 'PUT', key: 'a.txt', size: 5, expiresIn: 60 } },
    companionParams: { query: { filename: 'a.txt', type: 'text/plain' } },
    companionBegin: { body: { filename: 'a.txt', type: 'text/plain' } },
    companionSignPart: ofCompanion,
    companionSignParts: { ...ofCompanion, query: { key: companion.objectKey, partNumbers: '1,2' } },
    companionListParts: ofCompanion,
    companionAbort: ofCompanion,
    companionComplete: {
      ...{ params: { uploadId: complete.uploadId }, query: { key: complete.objectKey } },
      body: { parts: [{ PartNumber: 1, ETag: complete.etag }] },
    },
    confirmUpload: { body: { objectKey: arrived.objectKey } },
    abortUpload: { body: parts },
    takeBucketEvents: { body: event, headers: { authorization: `Bearer ${EVENTS_SECRET}` } },
    listFiles: {},
    listAuditEvents: {},
    presignDownload: { body: { fileId } },
    presignDownloads: { body: { fileIds: [fileId] } },
    redirectToDownload: ofFile,
    readContent: ofFile,
    getFile: ofFile,
    changeFile: { ...ofFile, body: { fileName: 'b.txt' } },
    archiveFile: ofFile,
    restoreFile: ofFile,
    getVerdict: { params: { fileId: held.fileId } },
    judgeFile: { params: { fileId: held.fileId }, body: { verdict: 'clean' } },
    deleteFile: ofFile,
  };
}

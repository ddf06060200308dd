import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import { fitFileName } from '../client/fit-file-name.ts';
import { limitedTo, maxBytesOf } from '../config/limits.ts';
import { headersField, presignedUrlField } from '../contract/answer-fields.ts';
import { Problem } from '../contract/errors.ts';
import { documentType, metadata, partNumber, recordId, uploadId } from '../contract/fields.ts';
import { answers, requests } from '../contract/named-schemas.ts';
import { baseName, parseObjectKey, parseOwnKey } from '../contract/object-key.ts';
import { presignPart } from '../signing/presign-part.ts';
import { presignUrl } from '../signing/presign-url.ts';
import { newestKeyId, readingHeaders } from '../storage/encryption.ts';
import { isMarked } from './mark-file-id.ts';
import { partCount, planOpenParts, uploadNotFound } from './multipart-plan.ts';
import { ownUploadKey } from './own-upload-key.ts';
import { type PresignUploadServices, presignUpload } from './presign-upload.ts';
import { presignUploadInput } from './presign-upload-input.ts';
import { maxBytesOfMethod } from './sign-unchecked-upload.ts';
import { ANY_TYPE } from './upload-metadata.ts';
import { uploadTtlSeconds } from './upload-ttl.ts';

const { contentType, size, expiresIn } = presignUploadInput.shape;

/**
 * Uppy's `PresignableRequest` (@uppy/aws-s3 6). For a request that begins an upload, the app's own `signRequest` may
 * add `size`, which makes the upload exact, `recordId`, `documentType`, `metadata`, and for parts `contentType`.
 */
export const signUppyRequestInput = z
  .strictObject({
    method: z.enum(['PUT', 'POST', 'GET', 'DELETE']),
    key: z
      .string()
      .min(1)
      .max(1024)
      .describe('To begin an upload, any name; for all other requests, a key that this service signed.'),
    uploadId: uploadId.optional(),
    partNumber: partNumber.optional(),
    expiresIn,
    contentType: contentType.optional(),
    size: size.optional(),
    recordId: recordId.optional(),
    documentType: documentType.optional(),
    metadata: metadata.optional(),
  })
  .register(requests, { id: 'UppyRequest' });

type SignUppyRequestInput = z.infer<typeof signUppyRequestInput>;

/** Uppy's `PresignedResponse`. */
export const uppyAnswer = z
  .strictObject({
    url: presignedUrlField,
    key: z.string().optional().describe('Of an upload that begins.'),
    headers: headersField.optional().describe('To send with the request.'),
    fields: headersField.optional().describe("The form's fields, if the request is a form."),
  })
  .register(answers, { id: 'UppySignature' });

type PresignedResponse = z.infer<typeof uppyAnswer>;

/** Uppy's own default key is a random UUID and the name. */
const DEFAULT_KEY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-(?=.)/;

/** The subresource of each later request of an upload in parts, by the method. */
const ON_PARTS = { GET: 'ListParts', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' };

/**
 * Signs one S3 request for an Uppy 6 that talks to the bucket directly. An upload begins under a new key; only the last
 * segment of the requested key counts, as the file's name. Later requests must be under the caller's prefix.
 * DeleteObject is never signed.
 *
 * PutObject is exact if `size` is known. Otherwise it is a form up to the limits, or, if the store does not support
 * forms, a PUT that confirming checks against the limits, like parts. A client that completes an upload could complete
 * it again, so confirming copies the object, as for a form.
 * @throws {Problem} `not-your-object`, `upload-not-found` for a key that was not signed here and for parts of an upload
 * that did not begin here, `forbidden` for DeleteObject, `invalid-request` for any other request, `file-too-large`,
 * `content-type-not-allowed`.
 */
export async function signUppyRequest(
  all: PresignUploadServices,
  caller: Caller,
  input: SignUppyRequestInput,
): Promise<PresignedResponse> {
  const services = limitedTo(all, caller);
  const { method, uploadId, partNumber } = input;
  if (uploadId === undefined) {
    if (partNumber !== undefined || method === 'GET') throw noRequest('uploadId', 'is missing');
    if (method === 'DELETE') throw new Problem('forbidden', 'objects are not deleted through signed requests');
    return signBeginning(services, caller, input, method);
  }
  if (method === 'PUT') {
    if (partNumber === undefined) throw noRequest('partNumber', 'is required for PUT');
    return signPart(services, caller, { ...input, uploadId, partNumber });
  }
  if (partNumber !== undefined) throw noRequest('partNumber', 'is for PUT only');

  const { config, endpoint } = services;
  const key = ownUploadKey(config.store, caller, input.key);
  if (key === null) throw uploadNotFound();
  const now = services.now();
  const toSign = {
    method,
    key: key.key,
    query: { uploadId, 'x-id': ON_PARTS[method] },
    headers: {},
    expiresInSeconds: uploadTtlSeconds(config, now, input.expiresIn),
  };
  return { url: presignUrl(endpoint, await services.credentials(), toSign, now).url };
}

/** Signs a part without its length: the client splits a file whose size is not known here. */
async function signPart(
  services: PresignUploadServices,
  caller: Caller,
  input: { key: string; uploadId: string; partNumber: number; expiresIn?: number | undefined },
): Promise<PresignedResponse> {
  const { config, endpoint } = services;
  const own = ownUploadKey(config.store, caller, input.key);
  // An upload that the service began has a plan: its parts are signed with their length only.
  if (own === null || !isMarked(services.ids, own, ['client'])) throw uploadNotFound();
  const { uploadId, partNumber } = input;
  const maxBytes = Math.min(maxBytesOf(config.limits, own.documentType), maxBytesOfMethod(config.store, 'CREATE'));
  const count = partCount(planOpenParts(maxBytes));
  if (partNumber > count) throw noRequest('partNumber', `is above ${count}: the largest file has no such part`);
  const now = services.now();
  const { key } = own;
  // The bucket's id does not name the master key that the upload began with.
  const headers = readingHeaders(config.store, { key, sseKeyId: newestKeyId(config.store) });
  const expiresInSeconds = uploadTtlSeconds(config, now, input.expiresIn);
  const toSign = { key, uploadId, partNumber, headers, expiresInSeconds };
  const { url } = presignPart(endpoint, await services.credentials(), toSign, now);
  return { url, ...(Object.keys(headers).length > 0 && { headers }) };
}

async function signBeginning(
  services: PresignUploadServices,
  caller: Caller,
  input: SignUppyRequestInput,
  method: 'PUT' | 'POST',
): Promise<PresignedResponse> {
  const { key, uploadId, partNumber, size = null, contentType, ...rest } = input;
  const { store } = services.config;
  const asked = parseObjectKey(store.keyPrefix, key);
  // A file name may look like a path, but this one is another user's key.
  if (asked !== null) parseOwnKey(store.keyPrefix, caller.userId, key);
  const name = baseName(key).replace(DEFAULT_KEY, '');
  if (name === '') throw noRequest('key', 'must end with a file name');

  const signed = await presignUpload(services, caller, {
    ...rest,
    size,
    fileName: fitFileName(name),
    ...(method === 'POST'
      ? { method: 'CREATE', contentType: contentType ?? ANY_TYPE }
      : {
          method: size === null && store.forms ? 'POST' : 'PUT',
          contentType: contentType ?? 'application/octet-stream',
        }),
  });
  if (signed.method === 'POST') return { url: signed.presignedUrl, key: signed.objectKey, fields: signed.fields };
  if (signed.method === 'MULTIPART') throw new Error('only one request was asked for');
  return { url: signed.presignedUrl, key: signed.objectKey, headers: signed.headers };
}

function noRequest(path: string, message: string): Problem {
  return new Problem('invalid-request', `${path} ${message}`, { errors: [{ path, message }] });
}

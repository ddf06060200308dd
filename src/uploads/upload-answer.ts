import * as z from 'zod';
import {
  bytesField,
  countField,
  etagField,
  fileIdField,
  headersField,
  presignedUrlField,
  timeField,
} from '../contract/answer-fields.ts';
import { partNumber } from '../contract/fields.ts';
import { answers } from '../contract/named-schemas.ts';

const expiresAt = timeField.describe('When the URL really stops working: not later than the credentials that sign it.');
const serverTime = timeField.describe("The service's clock, to compare `expiresAt` with.");

const signedPart = z
  .strictObject({
    partNumber,
    size: bytesField.optional().describe("The part's exact size in bytes; absent if the file's size is not known."),
    presignedUrl: presignedUrlField,
    headers: headersField
      .optional()
      .describe('To send with the part: with part checksums, or where the object has a key of its own.'),
  })
  .register(answers, { id: 'SignedPart' });

const signedParts = { parts: z.array(signedPart), expiresAt };

/** The answer of `POST /presign-parts`. */
export const signedPartsAnswer = z
  .strictObject({ ...signedParts, serverTime })
  .register(answers, { id: 'SignedParts' });

const common = {
  fileId: fileIdField,
  objectKey: z.string().describe('Name it to confirm the upload.'),
  serverTime,
  publicFileUrl: z.url().optional().describe('Where `PUBLIC_BASE_URL` is set, and the upload is not copied.'),
};

const putAnswer = z
  .strictObject({
    ...common,
    method: z.literal('PUT'),
    presignedUrl: presignedUrlField,
    headers: headersField.describe('Send exactly these with the bytes: they are part of the signature.'),
    expiresAt,
  })
  .register(answers, { id: 'UploadByPut' });

const formAnswer = z
  .strictObject({
    ...common,
    method: z.literal('POST'),
    presignedUrl: presignedUrlField,
    fields: headersField.describe("The form's fields, in front of `file`."),
    expiresAt,
  })
  .register(answers, { id: 'UploadByForm' });

const partsAnswer = z
  .strictObject({
    ...common,
    method: z.literal('MULTIPART'),
    uploadId: z.string(),
    partSize: bytesField.describe('The size of every part but the last, in bytes.'),
    partCount: countField,
    ...signedParts,
  })
  .register(answers, { id: 'UploadByParts' });

/** The answer of `POST /presign-upload`. */
export const uploadAnswer = z
  .discriminatedUnion('method', [putAnswer, formAnswer, partsAnswer])
  .register(answers, { id: 'Upload' });

/** The answer of `POST /presign-upload/batch`. */
export const uploadBatchAnswer = z
  .strictObject({ uploads: z.array(uploadAnswer) })
  .register(answers, { id: 'UploadBatch' });

/** The answer of `POST /list-parts`. */
export const storedPartsAnswer = z
  .strictObject({ parts: z.array(z.strictObject({ partNumber, size: bytesField, etag: etagField })) })
  .register(answers, { id: 'StoredParts' });

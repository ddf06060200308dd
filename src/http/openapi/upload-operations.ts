import { fileAnswer } from '../../files/file-answer.ts';
import { abortUploadInput } from '../../uploads/abort-upload.ts';
import { confirmUploadInput } from '../../uploads/confirm-upload.ts';
import { limitsAnswer, limitsQuery } from '../../uploads/get-limits.ts';
import { credentialsAnswer, issueCredentialsInput } from '../../uploads/issue-credentials.ts';
import { listUploadedPartsInput } from '../../uploads/list-uploaded-parts.ts';
import { presignPartsInput } from '../../uploads/presign-parts.ts';
import { presignUploadInput, presignUploadsInput } from '../../uploads/presign-upload-input.ts';
import { signedPartsAnswer, storedPartsAnswer, uploadAnswer, uploadBatchAnswer } from '../../uploads/upload-answer.ts';
import type { Operations } from './operation.ts';

const scopes = ['files:write'] as const;
const tag = 'Uploads';
const OF_PRESIGNING = ['file-too-large', 'content-type-not-allowed', 'quota-exceeded', 'storage-unavailable'] as const;

export const uploadOperations = {
  'GET /limits': {
    ...{ id: 'getLimits', tag, scopes: ['files:write', 'files:read'] },
    summary: 'What the caller may upload: to ask before a file is chosen',
    query: limitsQuery,
    answers: { 200: { description: 'The limits', schema: limitsAnswer } },
    problems: [],
  },
  'POST /presign-upload': {
    ...{ id: 'presignUpload', tag, scopes },
    summary: 'Signs an upload: one PUT, a form, or parts',
    body: presignUploadInput,
    answers: { 200: { description: 'What to send to the bucket', schema: uploadAnswer } },
    problems: OF_PRESIGNING,
  },
  'POST /presign-upload/batch': {
    ...{ id: 'presignUploads', tag, scopes },
    summary: 'Signs up to 100 uploads, all or none',
    body: presignUploadsInput,
    answers: { 200: { description: 'What to send, in the order of the files', schema: uploadBatchAnswer } },
    problems: OF_PRESIGNING,
  },
  'POST /presign-parts': {
    ...{ id: 'presignParts', tag, scopes },
    summary: 'Signs parts of an upload: further ones, or the same ones again',
    body: presignPartsInput,
    answers: { 200: { description: 'A URL for each part', schema: signedPartsAnswer } },
    problems: ['not-your-object', 'upload-not-found', 'file-too-large'],
  },
  'POST /list-parts': {
    ...{ id: 'listParts', tag, scopes },
    summary: 'The parts that the bucket has',
    body: listUploadedPartsInput,
    answers: { 200: { description: 'The parts, ordered by number', schema: storedPartsAnswer } },
    problems: ['not-your-object', 'upload-not-found', 'database-unavailable'],
  },
  'POST /confirm-upload': {
    ...{ id: 'confirmUpload', tag, scopes },
    summary: 'Verifies an uploaded object, and makes a file of it',
    body: confirmUploadInput,
    answers: {
      200: { description: 'It was confirmed before', schema: fileAnswer },
      201: { description: 'It is a file now', schema: fileAnswer },
    },
    problems: [
      'file-rejected',
      ...(['not-your-object', 'quota-exceeded', 'object-not-found', 'upload-not-found', 'conflict'] as const),
      ...(['verification-failed', 'database-unavailable'] as const),
    ],
  },
  'POST /temporary-credentials': {
    ...{ id: 'issueCredentials', tag, scopes: ['files:credentials'] },
    summary: "Credentials of the bucket for the caller's prefix; only with `TEMPORARY_CREDENTIALS_ROLE_ARN`",
    body: issueCredentialsInput,
    answers: { 200: { description: 'The credentials, and where they work', schema: credentialsAnswer } },
    problems: ['route-not-found', 'database-unavailable'],
  },
  'POST /abort-upload': {
    ...{ id: 'abortUpload', tag, scopes },
    summary: 'Aborts an upload; succeeds also if nothing is left of it',
    body: abortUploadInput,
    answers: { 204: { description: 'The upload is removed' } },
    problems: ['not-your-object', 'conflict', 'database-unavailable'],
  },
} satisfies Operations;

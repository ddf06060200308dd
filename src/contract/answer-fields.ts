import * as z from 'zod';

/** Fields of answers that several routes share. Answers are not validated: types are inferred from their schemas. */

export const fileIdField = z.uuid().describe('UUIDv7.');
export const timeField = z.iso.datetime().describe('ISO 8601, in UTC.');
export const countField = z.int().min(0);
export const bytesField = countField.describe('Bytes.');
export const presignedUrlField = z.url().describe('Allows one request to the bucket, without a token.');
export const headersField = z.record(z.string(), z.string());
export const nextCursorField = z.string().nullable().describe('The `cursor` of the next page; null on the last page.');
export const etagField = z.string().describe('With its quotes, as the bucket answers it.');

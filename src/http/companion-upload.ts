import * as z from 'zod';
import { fitFileName } from '../client/fit-file-name.ts';
import { documentType, recordId } from '../contract/fields.ts';
import { restorePlus } from '../contract/media-type.ts';
import { MAX_PARTS, MIN_PART_BYTES } from '../contract/s3-limits.ts';
import { presignUploadInput } from '../uploads/presign-upload-input.ts';

const { fileName, contentType, size, metadata } = presignUploadInput.shape;

/** The schema of `toUpload`'s result. */
export const companionUpload = z.strictObject({
  fileName,
  contentType,
  metadata,
  size: size.nullable(),
  partSize: z.int().optional(),
  recordId: recordId.optional(),
  documentType: documentType.optional(),
});

/** A file as Uppy describes it to Companion: `filename`, `type`, and all other known fields as `metadata`. */
type CompanionFile = { filename?: string | undefined; type?: string | null | undefined; metadata?: Metadata };
type Metadata = Record<string, unknown> | null | undefined;

/** `GET /s3/params?filename=&type=&metadata[…]=`. */
export const companionQuery = z.record(z.string(), z.string()).transform((query, context): CompanionFile => {
  const { filename, type, ...rest } = query;
  const pairs = Object.entries(rest).flatMap(([name, value]) => {
    const inner = /^metadata\[(.+)\]$/.exec(name)?.[1];
    if (inner === undefined) context.issues.push({ code: 'unrecognized_keys', keys: [name], input: query });
    return inner === undefined ? [] : [[inner, inner === 'type' ? restorePlus(value) : value] as const];
  });
  return { filename, type: type && restorePlus(type), metadata: Object.fromEntries(pairs) };
});

/** The body of `POST /s3/multipart`. */
export const companionBody = z.strictObject({
  filename: z.string(),
  type: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

/**
 * Converts Uppy's request to an upload. In Uppy's metadata, `name` is the file's name, which the user may have edited,
 * and `type` repeats the type. An app may add `size`, which makes the upload exact, `partSize` if it sets its own
 * `getChunkSize`, `recordId` and `documentType`. The rest becomes the file's metadata, with names in lower case as S3
 * stores them. Plugins and users supply these values: an invalid file name is corrected, invalid metadata dropped.
 */
export function toUpload({ filename, type, metadata }: CompanionFile) {
  const { name, type: _, size, partSize, recordId, documentType, ...rest } = metadata ?? {};
  const sizeBytes = toNumber(size) ?? null;
  const fileName = toText(name) ?? filename;
  return {
    fileName: fileName && fitFileName(fileName),
    contentType: toText(type) ?? 'application/octet-stream',
    size: sizeBytes,
    partSize: typeof sizeBytes === 'number' ? toPartSize(sizeBytes, toNumber(partSize) ?? 0) : undefined,
    recordId: toText(recordId),
    documentType: toText(documentType),
    metadata: toMetadata(rest),
  };
}

/** The first valid pairs up to the limit; line breaks become spaces. */
function toMetadata(values: Record<string, unknown>): Record<string, string> {
  let pairs: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    const text = toText(value)?.replace(/[\r\n\t]+/g, ' ');
    const more = text === undefined ? pairs : { ...pairs, [name.toLowerCase()]: text };
    if (metadata.safeParse(more).success) pairs = more;
  }
  return pairs;
}

/** The part size that Uppy uses: at least 5 MiB, and at most 10,000 parts. */
function toPartSize(sizeBytes: number, wanted: unknown): unknown {
  return typeof wanted === 'number' ? Math.max(wanted, MIN_PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS)) : wanted;
}

/** Uppy writes missing values into queries as the texts `null` and `undefined`. */
function toText(value: unknown): string | undefined {
  const text = ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
  return ['', 'null', 'undefined'].includes(text) ? undefined : text;
}

/** Non-numbers pass through; validation rejects them. */
function toNumber(value: unknown): unknown {
  const text = toText(value);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

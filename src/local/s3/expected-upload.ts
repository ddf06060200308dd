import { createChunkVerifier } from './chunked/chunk-verifier.ts';
import { readChunks } from './chunked/read-chunks.ts';
import {
  algorithmOf,
  BODY_HEADERS,
  type ExpectedBody,
  readChecksum,
  readExpectedBody,
  readMd5,
  requireAnnouncedAlgorithm,
} from './expected-body.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { Payload } from './signature/payload.ts';

/** The maximum size of one upload request. */
const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;

/** Bytes to store, and what to verify about them. */
type ExpectedUpload = ExpectedBody & { sizeBytes: number; bytes: AsyncIterable<Buffer> };

/** The request headers that this module reads. */
export const UPLOAD_HEADERS: readonly string[] = [...BODY_HEADERS, 'x-amz-decoded-content-length', 'x-amz-trailer'];

/**
 * What the headers say about bytes to store, and the bytes themselves, without the `aws-chunked` encoding. Throws
 * MissingContentLength, EntityTooLarge above 5 GiB, and the errors of `readExpectedBody`.
 */
export function readExpectedUpload(call: S3Call): ExpectedUpload {
  const { request, payload } = call;
  const expected = payload.kind === 'chunked' ? readChunkedUpload(call, payload) : readPlainUpload(call);
  if (expected.sizeBytes > MAX_UPLOAD_BYTES) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(expected.sizeBytes),
      MaxSizeAllowed: String(MAX_UPLOAD_BYTES),
    });
  }
  return { bytes: request.body, ...expected };
}

function readPlainUpload(call: S3Call) {
  const { headers } = call.request;
  if (!headers.has('content-length')) throw new S3Error('MissingContentLength');
  if (headers.has('x-amz-trailer')) throw unsupportedTrailer();
  // Only valid with the `aws-chunked` encoding, which this body does not have.
  if (headers.has('x-amz-decoded-content-length')) {
    throw new S3Error('InvalidRequest', 'x-amz-decoded-content-length needs an x-amz-content-sha256 of STREAMING-…');
  }
  return readExpectedBody(call);
}

/** The S3 reference, "PutObject", `x-amz-decoded-content-length` and `x-amz-trailer`. */
function readChunkedUpload({ request }: S3Call, payload: Extract<Payload, { kind: 'chunked' }>): ExpectedUpload {
  const { headers } = request;
  const decodedLength = headers.get('x-amz-decoded-content-length');
  if (decodedLength === undefined || !/^[0-9]{1,15}$/.test(decodedLength)) throw new S3Error('MissingContentLength');
  const trailerName = headers.get('x-amz-trailer')?.trim().toLowerCase();
  const algorithm = trailerName === undefined ? null : algorithmOf(trailerName);
  if ((trailerName !== undefined) !== payload.hasTrailer) throw unsupportedTrailer();
  if (trailerName !== undefined && algorithm === null) {
    const isOther = /^x-amz-checksum-[a-z0-9]+$/.test(trailerName);
    throw isOther ? new S3Error('NotImplemented', undefined, { Header: 'x-amz-trailer' }) : unsupportedTrailer();
  }
  const checksum = readChecksum(request);
  if (checksum !== null && algorithm !== null) {
    throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header');
  }
  requireAnnouncedAlgorithm(request, checksum?.algorithm ?? algorithm);
  const trailing: ExpectedBody['trailing'] = algorithm === null ? null : { algorithm, value: null };
  const bytes = readChunks(request.body, {
    verifier: payload.signing === null ? null : createChunkVerifier(payload.signing),
    trailerNames: trailerName === undefined ? null : [trailerName],
    onTrailer: (_name, value) => {
      if (trailing !== null) trailing.value = value;
    },
  });
  return {
    sizeBytes: Number(decodedLength),
    sha256Hex: null,
    md5Base64: readMd5(request),
    checksum,
    trailing,
    bytes,
  };
}

function unsupportedTrailer(): S3Error {
  return new S3Error('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported');
}

import { createHash } from 'node:crypto';
import type { RawRequest } from './s3-fixture.ts';
import { hmac } from './sign-raw.ts';

/**
 * An `aws-chunked` body whose chunks continue the signature of their request: the S3 reference, "Transferring Payload
 * in Multiple Chunks". A last, empty chunk is added; `trailer` is a header without its line end.
 */
export function signChunks(
  signed: RawRequest,
  { secretAccessKey }: { secretAccessKey: string },
  pieces: readonly Buffer[],
  trailer = '',
): string {
  const authorization = signed.headers?.authorization ?? '';
  const [, scope = '', seed = ''] = /Credential=[^/]*\/([^,]*),.*Signature=([0-9a-f]{64})/.exec(authorization) ?? [];
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
  const timestamp = signed.headers?.['x-amz-date'] ?? '';
  let previous = seed;
  const sign = (algorithm: string, ...hashes: string[]) => {
    previous = hmac(key, [algorithm, timestamp, scope, previous, ...hashes].join('\n')).toString('hex');
    return previous;
  };
  const chunks = [...pieces, Buffer.alloc(0)].map((bytes) => {
    const signature = sign('AWS4-HMAC-SHA256-PAYLOAD', sha256(''), sha256(bytes));
    const end = bytes.length > 0 ? '\r\n' : '';
    return `${bytes.length.toString(16)};chunk-signature=${signature}\r\n${bytes.toString('latin1')}${end}`;
  });
  const trailerSignature = () => sign('AWS4-HMAC-SHA256-TRAILER', sha256(`${trailer}\n`));
  const end = trailer === '' ? '' : `${trailer}\r\nx-amz-trailer-signature:${trailerSignature()}\r\n`;
  return `${chunks.join('')}${end}\r\n`;
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

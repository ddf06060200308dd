import { S3Error } from '../s3-error.ts';

/** A marker as a `continuation-token`; empty for null. */
export function writeToken(marker: string | null): string {
  return Buffer.from(marker ?? '').toString('base64url');
}

/** The marker in a `continuation-token` made by `writeToken`. Throws InvalidArgument. */
export function readToken(token: string): string {
  const marker = Buffer.from(token, 'base64url').toString();
  if (marker !== '' && writeToken(marker) === token) return marker;
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    ArgumentName: 'continuation-token',
  });
}

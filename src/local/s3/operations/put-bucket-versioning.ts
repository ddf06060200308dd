import { BODY_HEADERS } from '../expected-body.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { writeVersioning } from '../store/versioning.ts';
import { childText, parseXmlBody } from '../xml-body.ts';

/** PutBucketVersioning: Enabled or Suspended; MFA delete is not implemented. */
export async function putBucketVersioning(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, BODY_HEADERS);
  const root = parseXmlBody(await readSmallBody(call));
  const status = childText(root, 'Status')?.trim();
  const mfaDelete = childText(root, 'MfaDelete')?.trim() ?? 'Disabled';
  if (root.name !== 'VersioningConfiguration' || (status !== 'Enabled' && status !== 'Suspended')) {
    throw new S3Error('MalformedXML');
  }
  if (mfaDelete !== 'Disabled') throw new S3Error('NotImplemented', undefined, { Element: 'MfaDelete' });
  await writeVersioning(store, request.bucket, status);
  return { status: 200, headers: [] };
}

import { describeObject } from '../describe-object.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { readRecord } from '../store/objects.ts';

/** HeadObject: what GetObject would answer, without the bytes. */
export async function headObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode']);
  await readSmallBody(call);
  const record = await readRecord(store, request.bucket, request.key);
  if (record === null) throw new S3Error('NoSuchKey');
  const { status, headers } = describeObject(request, record);
  return { status, headers };
}

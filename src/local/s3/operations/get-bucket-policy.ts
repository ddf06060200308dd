import { refuseUnknownHeaders } from '../object-headers.ts';
import type { PublicReadPolicy } from '../policy/public-read.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { readSetting } from '../store/buckets.ts';

/** GetBucketPolicy: the text as it was sent. */
export async function getBucketPolicy(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const setting = await readSetting(store, request.bucket, 'policy');
  if (setting === null) throw new S3Error('NoSuchBucketPolicy', undefined, { BucketName: request.bucket });
  const { text }: PublicReadPolicy = JSON.parse(setting);
  return { status: 200, headers: [['content-type', 'application/json']], body: Buffer.from(text) };
}

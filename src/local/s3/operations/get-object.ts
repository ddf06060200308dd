import { describeObject } from '../describe-object.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { openData, readRecord } from '../store/objects.ts';

/** GetObject, with one range, conditions and `response-*` overrides. */
export async function getObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode']);
  await readSmallBody(call);
  let lostData: string | null = null;
  for (;;) {
    const record = await readRecord(store, request.bucket, request.key);
    if (record === null) throw new S3Error('NoSuchKey');
    const { status, headers, range } = describeObject(request, record);
    if (range === null) return { status, headers };
    const handle = await openData(store, request.bucket, record);
    if (handle !== null) return { status, headers, body: { handle, ...range } };
    // Replaced between the two reads, so the next record names other bytes.
    if (record.data === lostData) throw new Error(`data file ${record.data} is missing`);
    lostData = record.data;
  }
}

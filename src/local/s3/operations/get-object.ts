import { describeObject } from '../describe-object.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import { openData } from '../store/data-files.ts';
import { readRecord } from '../store/objects.ts';

/** GetObject, with one range, conditions and `response-*` overrides. */
export async function getObject(call: S3Call): Promise<S3Answer> {
  const { request, store } = call;
  refuseUnknownHeaders(request, ['x-amz-checksum-mode']);
  await readSmallBody(call);
  let lostFile: string | undefined;
  for (;;) {
    const record = await readRecord(store, request.bucket, request.key);
    if (record === null) throw new S3Error('NoSuchKey');
    const { status, headers, range } = describeObject(request, record);
    if (range === null) return { status, headers };
    const body = await openData(store, request.bucket, record.files, range);
    if (body !== null) return { status, headers, body };
    // Replaced between the two reads, so the next record names other bytes.
    const file = record.files[0]?.name;
    if (file === lostFile) throw new Error(`data file ${file} is missing`);
    lostFile = file;
  }
}

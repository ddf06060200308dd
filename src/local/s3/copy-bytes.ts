import type { ByteRange } from './byte-range.ts';
import { type ChecksumAlgorithm, startChecksum } from './checksums/running-checksum.ts';
import { type CopySource, requireCopyConditions } from './copy-source.ts';
import { type CustomerKey, etagOf, readCustomerKey, requireKey } from './encryption/key-of-request.ts';
import { ANY_BODY } from './expected-body.ts';
import { receiveBody } from './receive-body.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { Checksum, ObjectRecord } from './store/object-record.ts';
import { openObject } from './store/objects.ts';
import { type IncomingFile, openIncomingFile } from './store/open-incoming-file.ts';

const MAX_SOURCE_BYTES = 5 * 1024 ** 3;

/** A finished copy of a source's bytes; `etag` has its quotes. */
type CopiedBytes = {
  source: ObjectRecord;
  upload: IncomingFile;
  sizeBytes: number;
  etag: string;
  checksum: Checksum | null;
};

/**
 * Copies bytes of an object, at most 5 GiB, encrypted with the key `to` if there is one, and returns the result of
 * `commit`; removes the copy if `commit` throws. Throws what `requireKey` does for the source's key, PreconditionFailed
 * if the source does not meet the request's conditions, InvalidRequest for more than 5 GiB, and the errors of
 * `openObject`.
 */
export async function copyBytes<Result>(
  { request, store }: S3Call,
  from: CopySource,
  to: CustomerKey | null,
  choose: (source: ObjectRecord) => { range: ByteRange; algorithm: ChecksumAlgorithm | null },
  commit: (copied: CopiedBytes) => Promise<Result>,
): Promise<Result> {
  const opened = await openObject(store, from.bucket, from, (record) => {
    const key = readCustomerKey(request.headers, 'source');
    requireKey(record, key);
    requireCopyConditions(request, record);
    const chosen = choose(record);
    requireCopyable(chosen.range);
    return { ...chosen, key };
  });
  const { record: source, data, description } = opened;
  try {
    const { range, algorithm } = description;
    const sizeBytes = range.end - range.start + 1;
    const running = algorithm === null ? null : startChecksum(algorithm);
    const upload = await openIncomingFile(store, to?.bytes);
    try {
      const { md5Hex } = await receiveBody(data?.chunks ?? [], { ...ANY_BODY, sizeBytes }, async (chunk) => {
        running?.update(chunk);
        await upload.write(chunk);
      });
      await upload.finish();
      const checksum = running && algorithm && { algorithm, value: running.digest().toString('base64') };
      return await commit({ source, upload, sizeBytes, etag: etagOf(md5Hex, to), checksum });
    } catch (error) {
      await upload.discard();
      throw error;
    }
  } finally {
    await data?.close();
  }
}

function requireCopyable({ start, end }: ByteRange): void {
  if (end - start < MAX_SOURCE_BYTES) return;
  const limit = 'larger than the maximum allowable size for a copy source';
  const message = `The specified copy source is ${limit}: ${MAX_SOURCE_BYTES}`;
  throw new S3Error('InvalidRequest', message);
}

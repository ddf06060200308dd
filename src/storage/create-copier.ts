import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandOutput,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Store } from '../config/slices.ts';
import { busy, unavailable } from '../contract/errors.ts';
import { MAX_PARTS, MAX_PUT_BYTES } from '../contract/s3-limits.ts';
import { inParallel } from '../net/in-parallel.ts';
import { createSlots } from '../net/slots.ts';
import { isGone, objectChanged } from './bucket-errors.ts';
import type { S3Clients } from './create-s3-client.ts';
import { canCopy, encryptionOf, newestKeyId, readingParameters, sourceParameters } from './encryption.ts';
import { SLOW_WITHIN_MS } from './request-limits.ts';
import { type FoundObject, type StoredObject, toVersionId } from './stored-object.ts';

/** From which size an object is copied in parts, and the size of each, as long as there are at most 10,000. */
type CopySizes = { mostInOneBytes: number; partBytes: number };

const SIZES: CopySizes = { mostInOneBytes: MAX_PUT_BYTES, partBytes: 256 * 1024 ** 2 };

/** How many parts of an object, and of all objects together, are copied at once. */
const PARALLEL = 4;
const PARALLEL_IN_ALL = 16;

type CopyingStore = Pick<Store, 'sse' | 'keyPrefix' | 'encryptedCopies' | 'partCopies'>;
type Found = Pick<FoundObject, 'etag' | 'lastModified'>;

/** The properties in which a copy differs from its source. */
type Copied = Pick<StoredObject, 'etag' | 'versionId' | 'sse' | 'sseKeyId'>;

/** What both CopyObject and CompleteMultipartUpload answer of the new object. */
type Answer = Pick<CopyObjectCommandOutput, 'VersionId' | 'ServerSideEncryption'>;

/**
 * Copies objects within the bucket: CopyObject up to 5 GiB, above it UploadPartCopy of ranges. Each request has the
 * condition that the ETag is the one that `head` read. A failed copy in parts is aborted, and a repeated call begins
 * again; after a crash, the sweeper aborts it. A copy in parts has the ETag of an upload in parts, and the bucket has
 * no checksum of the whole object.
 * @param head `Bucket.head`.
 * @param sizes default: S3's limit (S3 User Guide, "Copying an object using multipart upload").
 */
export function createCopier(
  { slow }: Pick<S3Clients, 'slow'>,
  bucketName: string,
  { store, head }: { store: CopyingStore; head: (key: string, versionId?: string | null) => Promise<Found | null> },
  sizes = SIZES,
) {
  const turns = createSlots({
    inAll: PARALLEL_IN_ALL,
    waitMs: SLOW_WITHIN_MS,
    refuse: () => busy('too many large objects are being copied'),
  });
  const inTime = () => ({ abortSignal: AbortSignal.timeout(SLOW_WITHIN_MS) });

  const fromSource = (object: StoredObject) => {
    const source = object.key.split('/').map(encodeURIComponent).join('/');
    const version = object.versionId === null ? '' : `?versionId=${encodeURIComponent(object.versionId)}`;
    return {
      CopySource: `${bucketName}/${source}${version}`,
      CopySourceIfMatch: object.etag,
      ...sourceParameters(store, object),
    };
  };

  const toCopied = (ETag: string | undefined, { VersionId, ServerSideEncryption }: Answer): Copied => {
    if (ETag === undefined) throw new Error('the copy gave no object');
    // Ceph omits the quotes of a copy's ETag.
    const etag = ETag.replace(/^"?(.*?)"?$/, '"$1"');
    const sse = ServerSideEncryption ?? null;
    return { etag, versionId: toVersionId(VersionId), sse, sseKeyId: newestKeyId(store) };
  };

  async function copyWhole(object: StoredObject, toKey: string, instead?: Described): Promise<Copied> {
    const command = new CopyObjectCommand({
      Bucket: bucketName,
      Key: toKey,
      ...fromSource(object),
      ...encryptionOf(store, toKey),
      ...(instead && { MetadataDirective: 'REPLACE', ...describe(instead) }),
    });
    const answer = await slow.send(command, inTime());
    return toCopied(answer.CopyObjectResult?.ETag, answer);
  }

  async function copyInParts(object: StoredObject, toKey: string, described: Described): Promise<Copied> {
    const to = { Bucket: bucketName, Key: toKey };
    const before = await head(object.key, object.versionId);
    const begun = await slow.send(
      new CreateMultipartUploadCommand({ ...to, ...describe(described), ...encryptionOf(store, toKey) }),
    );
    const upload = { ...to, UploadId: begun.UploadId };
    if (upload.UploadId === undefined) throw new Error('CreateMultipartUpload gave no id');
    try {
      const sealed = { ...upload, ...readingParameters(store, { key: toKey, sseKeyId: newestKeyId(store) }) };
      const ranges = rangesOf(object.sizeBytes, sizes.partBytes);
      const parts: CompletedPart[] = [];
      await inParallel(ranges, PARALLEL, async (range) => {
        const command = new UploadPartCopyCommand({ ...sealed, ...fromSource(object), ...range });
        const { CopyPartResult } = await turns.run(toKey, () => slow.send(command, inTime()));
        if (CopyPartResult?.ETag === undefined) throw new Error('UploadPartCopy gave no part');
        parts[range.PartNumber - 1] = { PartNumber: range.PartNumber, ETag: CopyPartResult.ETag };
      });
      // Ceph ignores the conditions of a part. Meanwhile the object may have been another one, and then the same again.
      const after = await head(object.key, object.versionId);
      const isSame = after?.etag === object.etag && after.lastModified === before?.lastModified;
      if (!isSame) throw objectChanged();
      const completion = new CompleteMultipartUploadCommand({ ...sealed, MultipartUpload: { Parts: parts } });
      const answer = await slow.send(completion, inTime());
      // Ceph answers an empty ETag.
      return toCopied(answer.ETag || (await head(toKey))?.etag, answer);
    } catch (error) {
      await slow.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
      throw error;
    }
  }

  /**
   * Copies this object to a key of the bucket, which may be its own.
   * @param instead the copy's type and metadata. Default: the object's own.
   * @returns the copy's ETag, version, encryption and key, which are its own.
   */
  return async (object: StoredObject, toKey: string, instead?: Described): Promise<Copied> => {
    if (!canCopy(store, object.sseKeyId)) {
      throw unavailable('storage', new Error('this store does not copy encrypted objects'));
    }
    const isInParts = store.partCopies && object.sizeBytes > sizes.mostInOneBytes;
    try {
      return await (isInParts ? copyInParts(object, toKey, instead ?? object) : copyWhole(object, toKey, instead));
    } catch (error) {
      throw isGone(error) ? objectChanged(error) : unavailable('storage', error);
    }
  };
}

type Described = Pick<StoredObject, 'contentType' | 'metadata'>;

function describe({ contentType, metadata }: Described) {
  return { ContentType: contentType, Metadata: { ...metadata } };
}

function* rangesOf(sizeBytes: number, wantedPartBytes: number) {
  const partBytes = Math.max(wantedPartBytes, Math.ceil(sizeBytes / MAX_PARTS));
  for (let start = 0, PartNumber = 1; start < sizeBytes; start += partBytes, PartNumber++) {
    const end = Math.min(start + partBytes, sizeBytes) - 1;
    yield { PartNumber, CopySourceRange: `bytes=${start}-${end}` };
  }
}

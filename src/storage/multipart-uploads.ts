import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import type { Store } from '../config/slices.ts';
import { busy, throwUnavailable, unavailable } from '../contract/errors.ts';
import { createSlots } from '../net/slots.ts';
import { isCode } from './bucket-errors.ts';
import type { S3Clients } from './create-s3-client.ts';
import { type EncryptedObject, encryptionOf, readingParameters } from './encryption.ts';
import { UnmarkedAnswer } from './only-the-bucket.ts';
import { SLOW_WITHIN_MS } from './request-limits.ts';

/** A part in the bucket; `etag` with its quotes. */
export type StoredPart = { partNumber: number; sizeBytes: number; etag: string; checksumSha256: string | null };

/**
 * The maximum number of concurrent lists of parts, in all and per user, and how long a list waits for its turn. Parsing
 * the XML of thousands of parts blocks all other requests.
 */
const MAX_LISTED = 32;
const MAX_LISTED_PER_USER = 2;
const LISTED_WITHIN_MS = 10_000;

/** What is fixed when an upload starts; parts cannot change it. */
type UploadToBegin = {
  contentType: string;
  metadata: Readonly<Record<string, string>>;
  /** Requires a SHA-256 for every part; the object keeps their composite. Default false. */
  partChecksums?: boolean;
  /** The master key from which the object's key is derived (SSE-C). Default: the newest. */
  sseKeyId?: string | null;
};

/** Why an upload could not be completed: no open upload has this id and key, or its parts differ. */
type CompletionRefusal = 'no-such-upload' | 'other-parts';

/** The domain's interface to unfinished uploads. Every function throws `storage-unavailable` as `Bucket` does. */
export type MultipartUploads = ReturnType<typeof createMultipartUploads>;

/** @param ping `Bucket.ping`. */
export function createMultipartUploads(
  { quick, slow }: Pick<S3Clients, 'quick' | 'slow'>,
  bucketName: string,
  { ping, store }: { ping: () => Promise<void>; store: Pick<Store, 'conditionalPut' | 'sse' | 'keyPrefix'> },
) {
  /** AWS needs the key for an upload with checksums (S3 API Reference, ListParts and CompleteMultipartUpload). */
  const where = (object: EncryptedObject) => ({
    Bucket: bucketName,
    Key: object.key,
    ...readingParameters(store, object),
  });
  const listing = createSlots({
    inAll: MAX_LISTED,
    perUser: MAX_LISTED_PER_USER,
    waitMs: LISTED_WITHIN_MS,
    refuse: (isUserLimit) => busy(`too many lists of parts${isUserLimit ? ' of yours' : ''} are being read`),
  });

  async function listParts(object: EncryptedObject, uploadId: string): Promise<StoredPart[] | null> {
    const parts: StoredPart[] = [];
    try {
      // Reads IsTruncated instead of using the SDK's paginator, which follows the next marker; Ceph always sends one.
      for (let marker: string | undefined, more = true; more; ) {
        const page = await quick.send(
          new ListPartsCommand({ ...where(object), UploadId: uploadId, PartNumberMarker: marker }),
        );
        if (page.UploadId !== uploadId) throw new Error('ListParts listed another upload');
        for (const { PartNumber = 0, Size = 0, ETag = '', ChecksumSHA256 } of page.Parts ?? []) {
          parts.push({ partNumber: PartNumber, sizeBytes: Size, etag: ETag, checksumSha256: ChecksumSHA256 ?? null });
        }
        more = page.IsTruncated === true;
        const next = page.NextPartNumberMarker;
        if (more && (next === undefined || next === marker)) throw new Error('ListParts gave an incomplete list');
        marker = next;
      }
    } catch (error) {
      if (isNoSuchUpload(error)) return null;
      throw unavailable('storage', error);
    }
    return parts;
  }

  return {
    /** CreateMultipartUpload: returns the bucket's id of the new upload. */
    async begin(key: string, { contentType, metadata, partChecksums, sseKeyId }: UploadToBegin): Promise<string> {
      const command = new CreateMultipartUploadCommand({
        Bucket: bucketName,
        Key: key,
        ContentType: contentType,
        Metadata: { ...metadata },
        ...(partChecksums && { ChecksumAlgorithm: 'SHA256' }),
        ...encryptionOf(store, key, sseKeyId),
      });
      const { UploadId } = await quick.send(command).catch(throwUnavailable('storage'));
      if (UploadId === undefined) throw unavailable('storage', new Error('CreateMultipartUpload gave no id'));
      return UploadId;
    },

    /**
     * ListParts, all pages, by number; null if there is no such upload under this key.
     * @param by the user: at most two lists of each user are read at once, further ones wait.
     */
    listParts: (object: EncryptedObject, uploadId: string, by = object.key) =>
      listing.run(by, () => listParts(object, uploadId)),

    /**
     * CompleteMultipartUpload, on condition that no object exists under the key. A 200 with an error in its body is an
     * error: the SDK reads the body first.
     * @returns null when the object exists, completed now or by an earlier call.
     */
    async complete(
      object: EncryptedObject,
      uploadId: string,
      parts: readonly StoredPart[],
    ): Promise<CompletionRefusal | null> {
      const command = new CompleteMultipartUploadCommand({
        ...where(object),
        UploadId: uploadId,
        ...(store.conditionalPut && { IfNoneMatch: '*' }),
        MultipartUpload: {
          Parts: parts.map(({ partNumber, etag, checksumSha256 }) => ({
            PartNumber: partNumber,
            ETag: etag,
            ...(checksumSha256 !== null && { ChecksumSHA256: checksumSha256 }),
          })),
        },
      });
      try {
        const { ETag } = await slow.send(command, { abortSignal: AbortSignal.timeout(SLOW_WITHIN_MS) });
        if (ETag === undefined) throw new Error('CompleteMultipartUpload gave no object');
        return null;
      } catch (error) {
        if (isCode(error, 'PreconditionFailed')) return null;
        if (isNoSuchUpload(error)) return 'no-such-upload';
        if (isCode(error, 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall')) return 'other-parts';
        throw unavailable('storage', error);
      }
    },

    /** AbortMultipartUpload: removes its parts. A missing upload is not an error. */
    async abort(key: string, uploadId: string): Promise<void> {
      try {
        await quick.send(new AbortMultipartUploadCommand({ Bucket: bucketName, Key: key, UploadId: uploadId }));
      } catch (error) {
        if (isNoSuchUpload(error)) return;
        // Some stores send a 204 without S3 headers: check with another request that it is the bucket.
        if (!(error instanceof UnmarkedAnswer && error.status === 204)) throw unavailable('storage', error);
        await ping();
      }
    },
  };
}

/** NoSuchUpload; Ceph answers NoSuchKey when asked for the parts of a missing upload. */
function isNoSuchUpload(error: unknown): boolean {
  return isCode(error, 'NoSuchUpload', 'NoSuchKey');
}

import { isDeepStrictEqual } from 'node:util';
import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type Problem, throwUnavailable, unavailable } from '../contract/errors.ts';

/** An object in a listing; `etag` with its quotes. */
export type ListedObject = { key: string; etag: string; lastModified: Date };

/** An unfinished multipart upload; `uploadId` is the bucket's own id. */
type ListedUpload = { key: string; uploadId: string; initiated: Date };

/** Lists the bucket page by page, in the byte order of the keys. All functions throw as `Bucket` does. */
export type BucketLister = ReturnType<typeof createBucketLister>;

export function createBucketLister(client: S3Client, bucketName: string) {
  return {
    /** ListObjectsV2: at most 1,000 objects under a prefix, starting after a key if one is given. */
    async objects(prefix: string, afterKey: string | null): Promise<{ objects: ListedObject[]; isLast: boolean }> {
      const after = afterKey === null ? {} : { StartAfter: afterKey };
      const command = new ListObjectsV2Command({ Bucket: bucketName, Prefix: prefix, ...after });
      const page = await client.send(command).catch(throwUnavailable('storage'));
      if (page.Name !== bucketName) throw invalidListing();
      const objects = (page.Contents ?? []).map(({ Key, ETag, LastModified }) => {
        // An object without a date must not count as old.
        if (Key === undefined || ETag === undefined || LastModified === undefined) throw invalidListing();
        return { key: Key, etag: ETag, lastModified: LastModified };
      });
      const isLast = page.IsTruncated !== true;
      // The first page again, from a store that ignores StartAfter, would be followed by itself for ever.
      if (!isLast && [undefined, afterKey].includes(objects.at(-1)?.key)) throw invalidListing();
      return { objects, isLast };
    },

    /** ListMultipartUploads under a prefix, all pages of at most 1,000. */
    async *uploads(prefix: string): AsyncGenerator<ListedUpload> {
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | null = {};
      while (marker !== null) {
        const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
          Bucket: bucketName,
          Prefix: prefix,
          ...marker,
        });
        const page = await client.send(command).catch(throwUnavailable('storage'));
        if (page.Bucket !== bucketName || (page.IsTruncated && !page.NextKeyMarker)) throw invalidListing();
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined || Initiated === undefined) throw invalidListing();
          yield { key: Key, uploadId: UploadId, initiated: Initiated };
        }
        const next = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
        if (page.IsTruncated && isDeepStrictEqual(next, marker)) throw invalidListing();
        marker = page.IsTruncated ? next : null;
      }
    },
  };
}

/** The page belongs to another bucket, or does not lead to the next one. */
function invalidListing(): Problem {
  return unavailable('storage', new Error('the listing is not from this bucket, or incomplete'));
}

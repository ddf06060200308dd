import { z } from 'zod';
import { jsonText } from '../contract/json-text.ts';

/** An object that arrived in a bucket; null for any other event, such as a removal. */
export type BucketEvent = { bucket: string; key: string } | null;

const place = z.object({
  bucket: z.object({ name: z.string() }),
  object: z.object({ key: z.string() }),
});

/** S3 User Guide, "Event message structure"; AWS leaves out the `s3:` in front that MinIO and the settings have. */
const record = z
  .object({ eventName: z.string(), s3: place })
  .transform(
    ({ eventName, s3 }): BucketEvent =>
      /^(s3:)?ObjectCreated:/.test(eventName) ? { bucket: s3.bucket.name, key: decodeKey(s3.object.key) } : null,
  );

const notification = z.object({ Records: z.array(record) }).transform(({ Records }) => Records);

/** What S3 sends when a notification is set up (S3 User Guide, "Supported event destinations"). */
const testEvent = z.object({ Event: z.literal('s3:TestEvent') }).transform((): BucketEvent[] => []);

/** S3 User Guide, "EventBridge event message structure"; the key is as it is here, not encoded. */
const eventBridgeEvent = z
  .object({ source: z.literal('aws.s3'), 'detail-type': z.string(), detail: place })
  .transform(({ 'detail-type': type, detail }): BucketEvent[] => [
    type === 'Object Created' ? { bucket: detail.bucket.name, key: detail.object.key } : null,
  ]);

/** A message about a bucket as S3 itself, MinIO, Ceph or EventBridge write it: what it says happened, in its order. */
export const bucketEvents = z.union([notification, eventBridgeEvent, testEvent], {
  error: 'is not a bucket event of a known format',
});

/** The same, as the text that an SNS message carries. */
export const bucketEventsText = jsonText.pipe(bucketEvents);

/**
 * The key of a record. AWS and MinIO encode it as in a form, Ceph does not: keys of uploads have no character for which
 * that matters. A key that cannot be decoded stays as it is.
 */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

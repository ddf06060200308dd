import * as z from 'zod';
import { jsonText } from '../contract/json-text.ts';
import { requests } from '../contract/named-schemas.ts';

/** An object that arrived in a bucket; null for any other event, such as a removal. */
export type BucketEvent = { bucket: string; key: string } | null;

const place = z.object({
  bucket: z.object({ name: z.string() }),
  object: z.object({ key: z.string() }),
});

/**
 * S3 User Guide, "Event message structure"; AWS omits the prefix `s3:`, which MinIO sends and notification settings
 * use.
 */
const record = z
  .object({ eventName: z.string(), s3: place })
  .transform(
    ({ eventName, s3 }): BucketEvent =>
      /^(s3:)?ObjectCreated:/.test(eventName) ? { bucket: s3.bucket.name, key: decodeKey(s3.object.key) } : null,
  );

const notification = z.object({ Records: z.array(record) }).transform(({ Records }) => Records);

/** The message that S3 sends when a notification is set up (S3 User Guide, "Supported event destinations"). */
const testEvent = z.object({ Event: z.literal('s3:TestEvent') }).transform((): BucketEvent[] => []);

/** S3 User Guide, "EventBridge event message structure"; here the key is not encoded. */
const eventBridgeEvent = z
  .object({ source: z.literal('aws.s3'), 'detail-type': z.string(), detail: place })
  .transform(({ 'detail-type': type, detail }): BucketEvent[] => [
    type === 'Object Created' ? { bucket: detail.bucket.name, key: detail.object.key } : null,
  ]);

/** A message about a bucket from S3, MinIO, Ceph or EventBridge: its events, in order. */
export const bucketEvents = z
  .union([notification, eventBridgeEvent, testEvent], {
    error: 'is not a bucket event of a known format',
  })
  .register(requests, { id: 'BucketEvents' });

/** The same, as the text of an SNS message. */
export const bucketEventsText = jsonText.pipe(bucketEvents);

/**
 * The key of a record. AWS and MinIO encode it as in a form, Ceph does not; decoding an unencoded upload key does not
 * change it. A key that cannot be decoded is returned unchanged.
 */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

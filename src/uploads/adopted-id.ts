import { createHash } from 'node:crypto';
import { newUuidV7 } from '../contract/new-uuid-v7.ts';
import type { UserId } from '../contract/object-key.ts';
import type { ListedObject } from '../storage/list-bucket.ts';

/** A UUIDv7 of the object's date, whose random bits are a digest: the same for the same object, owner and attempt. */
export function adoptedId(owner: UserId, { key, etag, lastModified }: ListedObject, attempt: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([owner, key, etag, attempt]))
    .digest('hex');
  const variant = '89ab'.charAt(Number.parseInt(digest.charAt(3), 16) % 4);
  const random = `7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
  return `${newUuidV7(lastModified).slice(0, 14)}${random}`;
}

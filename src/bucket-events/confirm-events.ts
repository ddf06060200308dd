import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import { countField } from '../contract/answer-fields.ts';
import { PROBLEMS, Problem, unavailable } from '../contract/errors.ts';
import { answers } from '../contract/named-schemas.ts';
import { parseObjectKey, systemActor } from '../contract/object-key.ts';
import type { Scope } from '../contract/scopes.ts';
import type { SigningEndpoint } from '../signing/signing-endpoint.ts';
import { type ConfirmUploadServices, confirmUpload } from '../uploads/confirm-upload.ts';
import type { BucketEvent } from './bucket-event.ts';

const BUCKET_EVENTS = systemActor('bucket-events');

/** The request that brought the events. */
type Delivery = Pick<Caller, 'requestId' | 'address'>;

export type ConfirmEventsServices = ConfirmUploadServices & { endpoint: Pick<SigningEndpoint, 'bucket'> };

/** The number of events by result. */
export const eventCountsAnswer = z
  .strictObject({
    confirmed: countField.describe('The upload is a file now.'),
    known: countField.describe('It was one before.'),
    ignored: countField.describe('Not an upload of this service.'),
    refused: countField.describe('The upload cannot become a file.'),
  })
  .register(answers, { id: 'EventCounts' });

type EventCounts = z.infer<typeof eventCountsAnswer>;

/**
 * Confirms each upload that the bucket reports, as its owner would, one after the other. An event is only a hint: the
 * bucket is asked again, so a late, repeated or forged event confirms nothing that the owner could not. Copies of
 * verified uploads have no user's key, and are ignored like all other keys.
 * @throws {Problem} `storage-unavailable`, `database-unavailable`: send the whole message again.
 */
export async function confirmEvents(
  services: ConfirmEventsServices,
  delivery: Delivery,
  events: readonly BucketEvent[],
): Promise<EventCounts> {
  const counts: EventCounts = { confirmed: 0, known: 0, ignored: 0, refused: 0 };
  for (const event of events) counts[await confirmEvent(services, delivery, event)] += 1;
  return counts;
}

async function confirmEvent(
  services: ConfirmEventsServices,
  delivery: Delivery,
  event: BucketEvent,
): Promise<keyof EventCounts> {
  if (event === null || event.bucket !== services.endpoint.bucket) return 'ignored';
  const key = parseObjectKey(services.config.store.keyPrefix, event.key);
  if (key === null) return 'ignored';
  const scopes = new Set<Scope>(['files:write']);
  const caller: Caller = { ...delivery, userId: key.userId, actorId: BUCKET_EVENTS, isOnBehalf: false, scopes };
  try {
    const { created } = await confirmUpload(services, caller, { objectKey: key.key });
    return created ? 'confirmed' : 'known';
  } catch (error) {
    if (!(error instanceof Problem) || PROBLEMS[error.code].status >= 500) throw error;
    // Another delivery helps only if the object changed during the confirmation (`objectChanged`).
    if (error.headers['retry-after'] === undefined) return 'refused';
    throw unavailable('storage', new Error(error.message));
  }
}

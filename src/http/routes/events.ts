import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { bucketEvents } from '../../bucket-events/bucket-event.ts';
import { type ConfirmEventsServices, confirmEvents, eventCountsAnswer } from '../../bucket-events/confirm-events.ts';
import { createSnsReader } from '../../bucket-events/create-sns-reader.ts';
import { type Download, topicNotListed } from '../../bucket-events/create-sns-verifier.ts';
import { snsMessage } from '../../bucket-events/sns-message.ts';
import type { Config } from '../../config/config.ts';
import { Problem } from '../../contract/errors.ts';
import { downloadText } from '../../net/download-text.ts';
import { answer, answerJson } from '../answer.ts';
import type { Env } from '../env.ts';
import { routeNotFound } from '../no-route.ts';
import type { Operations } from '../openapi/operation.ts';
import { JSON_OR_TEXT, MAX_BATCH_BODY_BYTES, readJson } from '../validate.ts';

export type EventServices = ConfirmEventsServices & {
  config: Pick<Config, 'events'>;
  /** How the certificates of SNS are downloaded and its subscriptions confirmed. Default `downloadText`. */
  download?: Download;
};

/**
 * `POST /events/s3`: confirms the uploads that the bucket reports, for clients that died before confirming. Requires
 * the secret, as `Authorization: Bearer` or (Ceph cannot send headers) as `?secret=`, or a message signed by SNS.
 * Disabled without a setting for either. Answers 200 with counts, including refusals, 204 if the message has no event,
 * and 503 to request another delivery.
 */
export function eventRoutes(services: EventServices): Hono<Env> {
  const { secrets, snsTopics } = services.config.events;
  const { download = downloadText, now } = services;
  const readSns = createSnsReader({ topics: snsTopics, download, now });
  const routes = new Hono<Env>();

  routes.post('/events/s3', async (c) => {
    if (secrets.length === 0 && snsTopics.length === 0) throw routeNotFound();
    const isSigned = c.req.header('x-amz-sns-message-type') && c.req.header('x-amz-sns-rawdelivery') !== 'true';
    // Check both before reading the body; the signed message names its topic again.
    if (!isSigned) requireSecret(c, secrets);
    else if (!snsTopics.includes(c.req.header('x-amz-sns-topic-arn') ?? '')) throw topicNotListed();
    const events = isSigned
      ? await readSns(await readJson(c, snsMessage, MAX_BATCH_BODY_BYTES, JSON_OR_TEXT))
      : await readJson(c, bucketEvents, MAX_BATCH_BODY_BYTES, JSON_OR_TEXT);
    if (events.length === 0) return answer(c, 204, null);
    const delivery = { requestId: c.get('requestId'), address: c.get('address') };
    return answerJson(c, await confirmEvents(services, delivery, events));
  });

  return routes;
}

/** Compares in constant time. @throws {Problem} `unauthenticated`. */
function requireSecret(c: Context<Env>, secrets: readonly string[]): void {
  const sent = /^bearer +(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? c.req.query('secret');
  if (sent !== undefined && secrets.some((secret) => timingSafeEqual(sha256(sent), sha256(secret)))) return;
  throw new Problem('unauthenticated', 'this route requires the secret of bucket events, or a message signed by SNS', {
    headers: { 'www-authenticate': 'Bearer' },
  });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** What the description of the API says of this route. */
export const eventOperations = {
  'POST /events/s3': {
    id: 'takeBucketEvents',
    tag: 'Service',
    scopes: null,
    summary: 'Confirms uploads that the bucket reports; needs `EVENTS_SECRET`, or a message signed by SNS',
    parameters: { secret: '`EVENTS_SECRET`, for stores that cannot send it as `Authorization: Bearer`' },
    headers: { 'x-amz-sns-message-type': 'SNS', 'x-amz-sns-topic-arn': 'SNS', 'x-amz-sns-rawdelivery': 'SNS' },
    body: z.union([bucketEvents, snsMessage]),
    answers: {
      200: { description: 'What became of the reported objects', schema: eventCountsAnswer },
      204: { description: 'The message reports no object' },
    },
    problems: [
      ...(['unauthenticated', 'forbidden', 'route-not-found', 'database-unavailable'] as const),
      ...(['application-unavailable', 'keys-unavailable'] as const),
    ],
  },
} satisfies Operations;

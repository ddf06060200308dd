import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import { CLAIM_SECONDS, type WebhookMessage, type WebhookQueries } from '../db/create-webhook-queries.ts';
import { reasonOf } from '../net/reason-of.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { pauseAfter, readRetryAfter } from './backoff.ts';
import type { Post } from './post-pinned.ts';
import type { createWebhookSigner } from './sign-webhook.ts';
import { toWebhookBody } from './webhook-body.ts';

export type AttemptServices = {
  config: Pick<Config, 'urls'>;
  webhookQueries: WebhookQueries;
  post: Post;
  sign: ReturnType<typeof createWebhookSigner>;
  metrics: Pick<Metrics, 'count'>;
  logger: Pick<Logger, 'warn' | 'error'>;
  now: () => Date;
  random: () => number;
};

/** The outcome of an attempt. `retryAfterSeconds`: how long the receiver asked us to wait with every message. */
export type Outcome =
  | { kind: 'delivered' }
  | { kind: 'released' }
  | { kind: 'failed' | 'dead'; reason: string; retryAfterSeconds: number };

/** How long an attempt may take: Standard Webhooks recommends 15 to 30 s. */
const ATTEMPT_MS = 15_000;

/** How long after a claim an attempt may begin: it must end before another instance may claim the message. */
const BEGUN_WITHIN_MS = CLAIM_SECONDS * 1000 - ATTEMPT_MS - 5_000;

/** "The endpoint no longer wants webhooks" (Standard Webhooks 1.0.0, "Deliverability and reliability"). */
const GONE = 410;

const MAX_REASON_LENGTH = 200;

/**
 * Sends a claimed message once, and ends the claim. Any status from 200 to 299 accepts it; a redirect does not.
 * @param claimedAt by the monotonic clock, before the claim.
 * @param stopping ends the attempt, and leaves the message as it was.
 * @throws {Problem} `database-unavailable`: the claim runs out, and the message is sent again.
 */
export async function attemptMessage(
  services: AttemptServices,
  message: WebhookMessage,
  { claimedAt, stopping }: { claimedAt: number; stopping: AbortSignal },
): Promise<Outcome> {
  const { webhookQueries, metrics, now } = services;
  // This process was paused since the claim.
  if (performance.now() - claimedAt > BEGUN_WITHIN_MS) return { kind: 'released' };
  const sent = await send(services, message, stopping);
  if (sent === 'stopped') {
    await webhookQueries.release(message);
    return { kind: 'released' };
  }
  if ('status' in sent && sent.status >= 200 && sent.status < 300) {
    await webhookQueries.noteDelivered(message);
    metrics.count('signpost_webhook_attempts_total', { outcome: 'delivered' });
    return { kind: 'delivered' };
  }
  const reason = 'status' in sent ? `answered ${sent.status}` : sent.reason;
  const retryAfterSeconds = 'status' in sent ? readRetryAfter(sent.retryAfter, now()) : 0;
  const pause = 'status' in sent && sent.status === GONE ? null : pauseAfter(message.failures + 1, services.random());
  const retrySeconds = pause === null ? null : Math.max(pause, retryAfterSeconds);
  await webhookQueries.noteFailed(message, reason.slice(0, MAX_REASON_LENGTH), retrySeconds);
  const kind = pause === null ? 'dead' : 'failed';
  metrics.count('signpost_webhook_attempts_total', { outcome: kind });
  return { kind, reason, retryAfterSeconds };
}

async function send({ config, post, sign, now }: AttemptServices, message: WebhookMessage, stopping: AbortSignal) {
  const body = toWebhookBody(message, config.urls.publicBaseUrl);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Signpost',
    ...sign(message.id, now().getTime(), body),
  };
  try {
    return await post(body, headers, AbortSignal.any([stopping, AbortSignal.timeout(ATTEMPT_MS)]));
  } catch (error) {
    return stopping.aborted ? 'stopped' : { reason: reasonOf(error) };
  }
}

import type { Config } from '../config/config.ts';
import type { Database } from '../db/connect-database.ts';
import { createWebhookQueries } from '../db/create-webhook-queries.ts';
import { ON_WORKERS } from '../net/on-workers.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import {
  createSeparateDeliveries,
  createWebhookDelivery,
  type DeliveryServices,
  type WebhookDelivery,
} from '../webhooks/create-webhook-delivery.ts';
import { createFetchPost } from '../webhooks/post-by-fetch.ts';
import { createWebhookSigner } from '../webhooks/sign-webhook.ts';

type OpenedBefore = Pick<DeliveryServices, 'logger' | 'now'> & { metrics: Metrics; database: Pick<Database, 'db'> };

/** In the metrics. */
const OUTCOMES = ['delivered', 'failed', 'dead'] as const;

/** The delivery of webhooks; null without `WEBHOOK_URL`. */
export async function openWebhooks(
  config: Pick<Config, 'webhooks' | 'urls' | 'jobs'>,
  { database, ...services }: OpenedBefore,
): Promise<WebhookDelivery | null> {
  const { webhooks } = config;
  if (webhooks === null) return null;
  // Prometheus sees no increase for a counter that first appears with its first event.
  for (const outcome of OUTCOMES) services.metrics.count('signpost_webhook_attempts_total', { outcome }, 0);
  const parts = {
    ...services,
    config,
    webhookQueries: createWebhookQueries(database),
    post: await createPost(webhooks),
    sign: createWebhookSigner(webhooks.secrets),
    random: Math.random,
  };
  const delivery = ON_WORKERS ? createSeparateDeliveries(parts) : createWebhookDelivery(parts);
  services.metrics.watch('signpost_webhook_messages', () =>
    Object.entries(delivery.queued() ?? {}).map(([state, value]) => ({ labels: { state }, value })),
  );
  return delivery;
}

async function createPost({ url, allowPrivate }: NonNullable<Config['webhooks']>) {
  if (ON_WORKERS) return createFetchPost(url);
  const { createPinnedPost } = await import('../webhooks/post-pinned.ts');
  return createPinnedPost(url, allowPrivate);
}

import { parseConfig } from '../../src/config/config.ts';
import { resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';
import { openConnections } from '../../src/storage/open-connections.ts';
import type { RequestLimits } from '../../src/storage/request-limits.ts';
import { requestObjects } from '../../src/storage/request-objects.ts';
import { NO_WATCH } from '../../src/telemetry/watch-calls.ts';

export const KEYS = { accessKeyId: 'test', secretAccessKey: 'test-secret' };

/** The service's own requests on the objects of a bucket, as it makes them. */
export async function openTestRequests(
  bucket: { endpoint: string; name: string },
  options: { credentials?: typeof KEYS; now?: () => Date; limits?: RequestLimits } = {},
) {
  const { credentials = KEYS, now = () => new Date(), limits = {} } = options;
  const where = { bucket: bucket.name, region: 'us-east-1', endpoint: bucket.endpoint, forcePathStyle: true };
  const connections = openConnections(new URL(bucket.endpoint).origin, limits);
  const endpoint = await resolveEndpoint(where);
  const send = requestObjects({
    connections,
    endpoint,
    credentials: () => credentials,
    now,
    watch: NO_WATCH,
    store: parseConfig({}).store,
  });
  return { send, close: connections.close };
}

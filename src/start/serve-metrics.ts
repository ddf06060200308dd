import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import { type RunningServer, startServer } from '../http/start-server.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';

/**
 * Serves `GET /metrics` on `METRICS_PORT`, by HTTP without a token: there is neither a user nor a file in it.
 * @returns null without `METRICS_PORT`.
 * @throws the system's error if it cannot listen.
 */
export async function serveMetrics({
  config,
  logger,
  metrics,
}: {
  config: Pick<Config, 'server'>;
  logger: Logger;
  metrics: Pick<Metrics, 'text'>;
}): Promise<RunningServer | null> {
  const { host, metricsPort, keepAliveSeconds } = config.server;
  if (metricsPort === null) return null;
  const server = await startServer(answer, { host, port: metricsPort, keepAliveSeconds });
  logger.info({ host, port: server.port }, 'metrics');
  return server;

  async function answer({ method, url }: Request): Promise<Response> {
    if (new URL(url).pathname !== '/metrics') return new Response('GET /metrics\n', { status: 404 });
    if (method !== 'GET' && method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    const startedAt = performance.now();
    const { contentType, text } = await metrics.text();
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    logger.debug({ method, path: '/metrics', status: 200, bytesOut: text.length, durationMs }, 'request');
    return new Response(text, { headers: { 'content-type': contentType } });
  }
}

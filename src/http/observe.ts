import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { traceRequest } from '../telemetry/trace-request.ts';
import { clientAddress } from './client-address.ts';
import type { Env } from './env.ts';
import { hasToken, toLogPath, withoutTokens } from './log-path.ts';

/** Probes come every few seconds; the log gets their findings elsewhere. */
const PROBES: ReadonlySet<string | null> = new Set(['/healthz', '/readyz']);

/** Other methods are one in the metrics and spans: `_OTHER`, as OpenTelemetry's semantic conventions have it. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Request ids that a caller may choose: UUIDs, ULIDs and trace ids match, and no id can forge log lines. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Gives every request an id, and a span where spans are collected; and every answer `Cache-Control: no-store`,
 * `X-Content-Type-Options: nosniff` and the span's `traceparent`. Measures it, and logs one line per request, probes at
 * `debug`. Never logs headers, bodies or query strings: they may contain tokens.
 */
export function observe(services: {
  config: Pick<Config, 'server'>;
  logger: Logger;
  metrics: Metrics;
  newRequestId: () => string;
}) {
  const { config, logger, metrics, newRequestId } = services;
  return createMiddleware<Env>(async (c, next) => {
    const startedAt = performance.now();
    const sent = c.req.header('x-request-id');
    const isSane = sent !== undefined && SANE_REQUEST_ID.test(sent) && !hasToken(sent);
    const requestId = isSane ? sent : newRequestId();
    const method = METHODS.has(c.req.method) ? c.req.method : '_OTHER';
    const route = routeOf(c);
    const isProbe = PROBES.has(route);
    const path = toLogPath(c.req.path);
    const scheme = () => new URL(c.req.url).protocol.slice(0, -1);
    const span = isProbe
      ? null
      : traceRequest({ method, route, path, scheme, requestId }, (name) => c.req.header(name));
    c.set('requestId', requestId);
    c.set('address', clientAddress(c, config.server.trustedProxies));
    c.set('headers', {
      'x-request-id': requestId,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(span?.traceparent && { traceparent: span.traceparent }),
    });
    await (span === null ? next() : span.run(next));

    const { status } = c.res;
    const [caller, refusal, code] = [c.get('caller'), c.get('refusal'), c.get('code')];
    const [bytesIn, bytesOut] = [c.get('body')?.byteLength, c.get('bytesOut')];
    const durationMs = performance.now() - startedAt;
    const labels = { method, route: route ?? 'unknown', status: String(status) };
    metrics.observe('signpost_http_request_duration_seconds', labels, durationMs / 1000);
    if (code !== undefined) metrics.count('signpost_http_problems_total', { code });
    if (refusal !== undefined) metrics.count('signpost_token_refusals_total', { reason: refusal.code ?? 'other' });
    span?.end(status, code === undefined ? null : { code, error: c.error?.cause ?? c.error });
    logger[isProbe && status < 500 ? 'debug' : 'info'](
      {
        requestId,
        ...(span?.traceId && { traceId: span.traceId }),
        method: c.req.method,
        path,
        ...(route !== null && { route }),
        status,
        ...(code !== undefined && { code }),
        durationMs: Math.round(durationMs * 10) / 10,
        ...(bytesIn !== undefined && { bytesIn }),
        ...(bytesOut !== undefined && { bytesOut: method === 'HEAD' ? 0 : bytesOut }),
        // With `X-On-Behalf-Of`, the id comes from a header, which may contain a token by mistake.
        ...(caller && { userId: caller.isOnBehalf ? withoutTokens(caller.userId) : caller.userId }),
        ...(caller && caller.actorId !== caller.userId && { actorId: caller.actorId }),
        ...(refusal && { refusal }),
      },
      'request',
    );
  });
}

/** The template of the route that a request matches, as `/files/:fileId`; null if it matches none. */
function routeOf(c: Context<Env>): string | null {
  // Middleware matches every method.
  return matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? null;
}

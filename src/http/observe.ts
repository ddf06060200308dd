import { createMiddleware } from 'hono/factory';
import type { Config } from '../config/config.ts';
import { clientAddress } from './client-address.ts';
import type { Env } from './env.ts';
import { hasToken, toLogPath, withoutTokens } from './log-path.ts';

/** The part of a logger the service uses: fields, then a message. */
export type Logger = Record<Level, (fields: Record<string, unknown>, message: string) => void>;
type Level = 'error' | 'warn' | 'info' | 'debug';

/** Probes come every few seconds; the log gets their findings elsewhere. */
const PROBES = ['/healthz', '/readyz'];

/** Request ids that a caller may choose: UUIDs, ULIDs and trace ids match, and no id can forge log lines. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The logger, with its errors caught: a request does not fail because its log line does. */
export function withoutThrowing(logger: Logger): Logger {
  const log = (level: Level) => (fields: Record<string, unknown>, message: string) => {
    try {
      logger[level](fields, message);
    } catch {
      // The error cannot be logged either.
    }
  };
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}

/**
 * Gives every request an id and every answer `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`, and logs
 * one line per request, probes at `debug`. Never logs headers, bodies or query strings: they may contain tokens.
 */
export function observe(services: { config: Pick<Config, 'server'>; logger: Logger; newRequestId: () => string }) {
  const { config, logger, newRequestId } = services;
  return createMiddleware<Env>(async (c, next) => {
    const startedAt = performance.now();
    const sent = c.req.header('x-request-id');
    const isSane = sent !== undefined && SANE_REQUEST_ID.test(sent) && !hasToken(sent);
    const requestId = isSane ? sent : newRequestId();
    c.set('requestId', requestId);
    c.set('address', clientAddress(c, config.server.trustedProxies));
    c.set('headers', {
      'x-request-id': requestId,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    await next();
    const caller = c.get('caller');
    const refusal = c.get('refusal');
    const isQuiet = c.res.status < 500 && PROBES.includes(c.req.path);
    logger[isQuiet ? 'debug' : 'info'](
      {
        requestId,
        method: c.req.method,
        path: toLogPath(c.req.path),
        status: c.res.status,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        // With `X-On-Behalf-Of`, the id comes from a header, which may contain a token by mistake.
        ...(caller && { userId: caller.isOnBehalf ? withoutTokens(caller.userId) : caller.userId }),
        ...(caller && caller.actorId !== caller.userId && { actorId: caller.actorId }),
        ...(refusal && { refusal }),
      },
      'request',
    );
  });
}

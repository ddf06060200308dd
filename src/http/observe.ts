import { createMiddleware } from 'hono/factory';
import type { Config } from '../config.ts';
import { clientAddress } from './client-address.ts';
import type { Env } from './env.ts';

/** The part of a logger the service uses: fields, then a message. */
export type Logger = Record<'error' | 'warn' | 'info', (fields: Record<string, unknown>, message: string) => void>;

/** What a caller may choose as a request id: enough for UUIDs, ULIDs and trace ids, harmless in a log. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Gives every request an id and every answer `Cache-Control: no-store`, and logs one line a request: never a header,
 * a body or a query string, for those may hold tokens.
 */
export function observe(services: {
  config: Pick<Config, 'trustedProxies'>;
  logger: Logger;
  newRequestId: () => string;
}) {
  const { config, logger, newRequestId } = services;
  return createMiddleware<Env>(async (c, next) => {
    const startedAt = performance.now();
    const sent = c.req.header('x-request-id');
    const requestId = sent !== undefined && SANE_REQUEST_ID.test(sent) ? sent : newRequestId();
    c.set('requestId', requestId);
    c.set('address', clientAddress(c, config.trustedProxies));
    c.set('headers', { 'x-request-id': requestId, 'cache-control': 'no-store' });
    await next();
    const caller = c.get('caller');
    const refusal = c.get('refusal');
    logger.info(
      {
        requestId,
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        ...(caller && { userId: caller.userId }),
        ...(caller && caller.actorId !== caller.userId && { actorId: caller.actorId }),
        ...(refusal && { refusal }),
      },
      'request',
    );
  });
}

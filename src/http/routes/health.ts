import { Hono } from 'hono';
import { Problem, unavailable } from '../../contract/errors.ts';
import { answerJson } from '../answer.ts';
import type { Env } from '../env.ts';
import { createReadiness, type Parts, type ReadinessServices } from '../readiness.ts';

export type HealthServices = ReadinessServices & {
  /** Aborted when the service is about to stop. */
  stopping: AbortSignal;
};

/**
 * Open routes for probes. `/healthz`: the process lives. `/readyz`: 200 while uploads can be signed, for that needs
 * neither bucket nor database, with what works of each; 503 as soon as the service is about to stop. `/readyz?full`:
 * 503 as well while the bucket or the database does not answer.
 */
export function healthRoutes(services: HealthServices): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get('/healthz', (c) => answerJson(c, { status: 'ok' }));

  const readiness = createReadiness(services);
  routes.get('/readyz', async (c) => {
    if (services.stopping.aborted) throw new Problem('stopping', 'the service is about to stop');
    const isFull = c.req.query('full') !== undefined;
    const parts = await (isFull ? readiness.look() : readiness.glance());
    if (parts.signing.why !== null || (isFull && !isWhole(parts))) throw notReady(parts);
    return answerJson(c, {
      status: isWhole(parts) ? 'ok' : 'degraded',
      ...Object.fromEntries(Object.entries(parts).map(([name, { why }]) => [name, why ?? 'ok'])),
    });
  });
  return routes;
}

function isWhole(parts: Parts): boolean {
  return Object.values(parts).every(({ why }) => why === null);
}

/** `storage-unavailable` or `database-unavailable`; `errors` names whatever does not work. */
function notReady(parts: Parts): Problem {
  const failed = Object.entries(parts).flatMap(([path, { why, cause }]) =>
    why === null ? [] : [{ path, why, cause }],
  );
  const what = failed.every(({ path }) => path === 'database') ? 'database' : 'storage';
  const { code, message, headers, cause } = unavailable(what, failed[0]?.cause);
  return new Problem(code, message, {
    errors: failed.map(({ path, why }) => ({ path, message: why })),
    headers,
    cause,
  });
}

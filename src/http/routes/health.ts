import { Hono } from 'hono';
import * as z from 'zod';
import { Problem, unavailable } from '../../contract/errors.ts';
import { answers } from '../../contract/named-schemas.ts';
import { answerJson } from '../answer.ts';
import type { Env } from '../env.ts';
import type { Operations } from '../openapi/operation.ts';
import { createReadiness, type Parts, type ReadinessServices } from '../readiness.ts';

export type HealthServices = ReadinessServices & {
  /** Aborted when the service begins to stop. */
  stopping: AbortSignal;
};

/**
 * Open routes for probes. `/healthz`: the process runs. `/readyz`: 200 while uploads can be signed, which needs neither
 * bucket nor database; the body has the state of each; 503 once the service begins to stop. `/readyz?full`: also 503
 * while the bucket or the database does not answer.
 */
export function healthRoutes(services: HealthServices): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get('/healthz', (c) => answerJson(c, { status: 'ok' }));

  const readiness = createReadiness(services);
  routes.get('/readyz', async (c) => {
    if (services.stopping.aborted) {
      throw new Problem('stopping', 'the service is stopping', { headers: { 'retry-after': '5' } });
    }
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

/** `storage-unavailable` or `database-unavailable`; `errors` names every failed part. */
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

const part = z.string().describe('`ok`, or the reason why not.');

/** What the description of the API says of these routes. */
export const healthOperations = {
  'GET /healthz': {
    id: 'isAlive',
    tag: 'Service',
    scopes: null,
    summary: 'Whether the process runs',
    answers: {
      200: {
        description: 'The process runs',
        schema: z.strictObject({ status: z.literal('ok') }).register(answers, { id: 'Health' }),
      },
    },
    problems: [],
  },
  'GET /readyz': {
    id: 'isReady',
    tag: 'Service',
    scopes: null,
    summary: 'Whether uploads can be signed',
    parameters: { full: 'With it, the answer is also 503 while the bucket or the database does not answer' },
    answers: {
      200: {
        description: 'The state of each part',
        schema: z
          .strictObject({ status: z.enum(['ok', 'degraded']), signing: part, bucket: part, database: part })
          .register(answers, { id: 'Readiness' }),
      },
    },
    problems: ['stopping', 'storage-unavailable', 'database-unavailable'],
  },
} satisfies Operations;

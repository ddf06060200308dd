import { Hono } from 'hono';
import { type Mismatch, Problem, unavailable } from '../../errors.ts';
import type { Bucket } from '../../storage/bucket.ts';
import type { Env } from '../env.ts';

const READINESS_KEPT_MS = 1_000;

/** Longer than a healthy bucket or database takes, shorter than a probe waits. */
const ANSWER_WITHIN_MS = 2_000;

export type HealthServices = {
  bucket: Pick<Bucket, 'ping'>;
  database: { ping: () => Promise<void> };
  now: () => Date;
};

/** Open routes for probes: `/healthz` says the process lives, `/readyz` that bucket and database answer. */
export function healthRoutes(services: HealthServices): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get('/healthz', (c) => c.json({ status: 'ok' }));

  // Anybody may ask: a flood of probes is one question a second to the bucket and the database.
  let known: { at: number; checks: ReturnType<typeof check> } | undefined;
  routes.get('/readyz', async (c) => {
    const at = services.now().getTime();
    if (known === undefined || at - known.at >= READINESS_KEPT_MS) known = { at, checks: check(services) };
    await known.checks;
    return c.json({ status: 'ok', bucket: 'ok', database: 'ok' });
  });
  return routes;
}

/** @throws {Problem} `storage-unavailable` or `database-unavailable`; `errors` names whichever does not answer. */
async function check({ bucket, database }: HealthServices): Promise<void> {
  const [bucketPing, databasePing] = await Promise.allSettled([
    inTime('storage', bucket.ping()),
    inTime('database', database.ping()),
  ]);
  const errors: Mismatch[] = [];
  if (bucketPing.status === 'rejected') errors.push({ path: 'bucket', message: 'does not answer' });
  if (databasePing.status === 'rejected') errors.push({ path: 'database', message: 'does not answer' });
  const failed = [bucketPing, databasePing].find((ping) => ping.status === 'rejected');
  if (failed !== undefined) {
    const problem = failed.reason instanceof Problem ? failed.reason : unavailable('database', failed.reason);
    throw new Problem(problem.code, problem.message, { errors, headers: problem.headers, cause: problem.cause });
  }
}

function inTime(what: 'storage' | 'database', ping: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(unavailable(what, new Error('no answer in time'))), ANSWER_WITHIN_MS);
    ping.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

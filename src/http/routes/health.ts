import { Hono } from 'hono';
import { type Mismatch, Problem, unavailable } from '../../errors.ts';
import { inTime } from '../../in-time.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { answerJson } from '../answer.ts';
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
  routes.get('/healthz', (c) => answerJson(c, { status: 'ok' }));

  // Anybody may ask: a flood of probes is one question a second to the bucket and the database.
  let known: { at: number; checks: ReturnType<typeof check> } | undefined;
  routes.get('/readyz', async (c) => {
    const at = services.now().getTime();
    if (known === undefined || at - known.at >= READINESS_KEPT_MS) known = { at, checks: check(services) };
    await known.checks;
    return answerJson(c, { status: 'ok', bucket: 'ok', database: 'ok' });
  });
  return routes;
}

/** @throws {Problem} `storage-unavailable` or `database-unavailable`; `errors` names whichever does not answer. */
async function check({ bucket, database }: HealthServices): Promise<void> {
  const [bucketPing, databasePing] = await Promise.allSettled([
    inTime(bucket.ping(), ANSWER_WITHIN_MS),
    inTime(database.ping(), ANSWER_WITHIN_MS),
  ]);
  const errors: Mismatch[] = [];
  if (bucketPing.status === 'rejected') errors.push({ path: 'bucket', message: 'does not answer' });
  if (databasePing.status === 'rejected') errors.push({ path: 'database', message: 'does not answer' });
  const failed = [bucketPing, databasePing].find((ping) => ping.status === 'rejected');
  if (failed !== undefined) {
    const what = bucketPing.status === 'rejected' ? 'storage' : 'database';
    const problem = failed.reason instanceof Problem ? failed.reason : unavailable(what, failed.reason);
    throw new Problem(problem.code, problem.message, { errors, headers: problem.headers, cause: problem.cause });
  }
}

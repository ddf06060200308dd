import { ANY_ORIGIN } from '../config/origins.ts';
import type { BucketAnswer } from './bucket-answer.ts';
import { type Check, fail, ok } from './check.ts';
import type { Trial } from './open-trial.ts';

const REMEDY = 'npm run bucket:setup -- --yes';

/** The origin to test with if `ALLOWED_ORIGINS` is `*`. */
const SOME_ORIGIN = 'https://signpost-doctor.example';

/** Checks that the bucket lets pages of each allowed origin upload, and read the answer. */
export async function* checkCors(trial: Trial): AsyncIterable<Check> {
  const { allowedOrigins } = trial.services.config.server;
  if (allowedOrigins.length === 0) yield ok('CORS', 'ALLOWED_ORIGINS is not set: no web page is allowed');
  for (const allowed of allowedOrigins) {
    const origin = allowed === ANY_ORIGIN ? SOME_ORIGIN : allowed.replace('*', 'signpost-doctor');
    yield await preflight(trial, 'PUT', allowed, origin);
    if (trial.services.config.store.forms) yield await preflight(trial, 'POST', allowed, origin);
    yield await exposed(trial, allowed, origin);
  }
}

async function preflight(trial: Trial, method: 'PUT' | 'POST', allowed: string, origin: string): Promise<Check> {
  const name = `CORS: ${method} from ${allowed}`;
  const { presignedUrl, headers } = await trial.presignPut();
  const form = method === 'POST' ? (await trial.presignForm()).presignedUrl : null;
  const names = form === null ? Object.keys(headers).sort() : ['content-type'];
  const answer = await trial.send(form ?? presignedUrl, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': names.join(','),
    },
  });
  const methods = listOf(answer, 'access-control-allow-methods');
  const allowedHeaders = listOf(answer, 'access-control-allow-headers');
  const missing = names.filter((header) => !allowedHeaders.includes(header) && !allowedHeaders.includes('*'));
  if (!answer.ok || !letsIn(answer, origin)) return fail(name, `the preflight is answered ${answer.status}`, REMEDY);
  if (!methods.includes(method.toLowerCase())) return fail(name, `${method} is not among the methods`, REMEDY);
  if (missing.length > 0) return fail(name, `headers are not allowed: ${missing.join(', ')}`, REMEDY);
  return ok(name, 'allowed');
}

async function exposed(trial: Trial, allowed: string, origin: string): Promise<Check> {
  const name = `CORS: ETag for ${allowed}`;
  const upload = await trial.presignPut();
  const answer = await trial.put(upload, { headers: { ...upload.headers, origin } });
  if (!answer.ok) return fail(name, `the upload is answered ${answer.status} ${answer.code}`);
  if (!letsIn(answer, origin)) return fail(name, 'the page may not read the answer', REMEDY);
  const isExposed = listOf(answer, 'access-control-expose-headers').some((header) => ['etag', '*'].includes(header));
  return isExposed ? ok(name, 'exposed') : fail(name, 'not exposed: uploads in parts hang without it', REMEDY);
}

function letsIn({ headers }: BucketAnswer, origin: string): boolean {
  return ['*', origin].includes(headers.get('access-control-allow-origin') ?? '');
}

function listOf({ headers }: BucketAnswer, name: string): string[] {
  return (headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());
}

import { codeOf, reasonOf } from '../net/reason-of.ts';
import { type Check, fail, ok, warn } from './check.ts';
import type { Trial } from './open-trial.ts';

/** S3 refuses requests more than 15 minutes off (S3 API Reference, RequestTimeTooSkewed). */
const MAX_SKEW_SECONDS = 300;
const SLIGHT_SKEW_SECONDS = 60;

/** Checks that the bucket accepts the credentials, at the clients' endpoint and at the service's. */
export async function* checkAccess(trial: Trial): AsyncIterable<Check> {
  const { bucket, endpoint, now } = trial.services;
  const { objectKey } = await trial.presignPut();
  const before = now().getTime();
  const missing = await trial.get(objectKey);
  yield skewOf(missing.headers.get('date'), (before + now().getTime()) / 2);

  const clients = 'bucket: as clients reach it';
  const isDenied = missing.status === 403 && missing.code === 'AccessDenied';
  if (missing.code !== 'NoSuchKey' && !isDenied) {
    const code = missing.code || 'without an S3 error code';
    yield fail(clients, `a missing key is answered ${missing.status} ${code}`, trial.remedyOf(missing.code));
    return;
  }
  const service = 'bucket: as the service reaches it';
  try {
    await bucket.ping();
  } catch (error) {
    const remedy = trial.remedyOf(codeOf(error), 's3:ListBucket') ?? 'S3_ENDPOINT';
    yield fail(service, `HEAD is refused, so /readyz?full answers 503 (${reasonOf(error)})`, remedy);
    return;
  }
  yield ok(service, 'HEAD answers');
  yield isDenied
    ? warn(clients, 'a missing key is answered 403, not 404', trial.remedyOf(missing.code, 's3:ListBucket'))
    : ok(clients, `${endpoint.host} answers 404 for a missing key`);
}

function skewOf(date: string | null, atMs: number): Check {
  const name = 'clock';
  const dateMs = Date.parse(date ?? '');
  if (Number.isNaN(dateMs)) return warn(name, 'the bucket sends no Date to compare with');
  // The header is cut to whole seconds: on average it is half a second old.
  const seconds = Math.round((atMs - dateMs - 500) / 1000);
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the bucket's`;
  const remedy = 'the clock of this machine (NTP): signatures carry the time';
  if (Math.abs(seconds) > MAX_SKEW_SECONDS) return fail(name, detail, remedy);
  return Math.abs(seconds) > SLIGHT_SKEW_SECONDS ? warn(name, detail, remedy) : ok(name, detail);
}

import { type BucketAnswer, describe, refused } from './bucket-answer.ts';
import { type Check, fail, ok } from './check.ts';
import { BODY, type Trial } from './open-trial.ts';

const WITHOUT_FORMS = 'S3_POST_POLICY=false: the service then refuses HTML forms; everything else works';

/** Statuses of stores that do not support POST policies: Cloudflare R2 answers 501. */
const UNKNOWN_STATUSES = [400, 404, 405, 411, 501];

/** Checks that the bucket accepts a form's POST as signed, and refuses another size or type. */
export async function* checkForm(trial: Trial): AsyncIterable<Check> {
  if (!trial.services.config.store.forms) {
    yield ok('POST: forms', 'off: this store does not support them');
    return;
  }
  const taken = await post(trial);
  if (!taken.ok) {
    const isUnknown = UNKNOWN_STATUSES.includes(taken.status);
    const remedy = isUnknown ? WITHOUT_FORMS : trial.remedyOf(taken.code, 's3:PutObject');
    yield fail('POST: as signed', describe(taken), remedy);
    return;
  }
  yield ok('POST: as signed', `accepted (${taken.status})`);
  yield refused('POST: larger', await post(trial, { body: `${BODY}!` }));
  yield refused('POST: another type', await post(trial, { fields: { 'Content-Type': 'text/html' } }));
}

async function post(
  trial: Trial,
  change: { fields?: Record<string, string>; body?: string } = {},
): Promise<BucketAnswer> {
  const { objectKey, presignedUrl, fields } = await trial.presignForm();
  trial.track(objectKey);
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, ...change.fields })) form.append(name, value);
  form.append('file', new Blob([change.body ?? BODY]), 'trial.txt');
  return trial.send(presignedUrl, { method: 'POST', body: form });
}

import { toContentDisposition } from '../files/content-disposition.ts';
import { codeOf, reasonOf } from '../net/reason-of.ts';
import { canCopy, encryptionHeaders } from '../storage/encryption.ts';
import { freezeObject } from '../uploads/freeze-object.ts';
import { type BucketAnswer, describe, refused } from './bucket-answer.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { BODY, type Trial } from './open-trial.ts';

/** Checks a stored object: download, encryption, anonymous access, copy, removal. */
export async function* checkObjects(trial: Trial): AsyncIterable<Check> {
  const { bucket } = trial.services;
  const upload = await trial.presignPut();
  await trial.put(upload);
  const { objectKey } = upload;
  const object = await bucket.head(objectKey);
  if (object === null) return;
  const isVersioned = object.versionId !== null;
  const action = (verb: string) => `s3:${verb}Object${isVersioned ? 'Version' : ''}`;

  const disposition = toContentDisposition('attachment', 'Prüfung.txt', {
    contentType: 'text/plain',
    detectedContentType: null,
    encryption: null,
  });
  const query = {
    'response-content-disposition': disposition,
    ...(isVersioned && { versionId: object.versionId ?? '' }),
  };
  const got = await trial.get(objectKey, query);
  const name = isVersioned ? 'GET: a download of one version' : 'GET: a download';
  if (!got.ok) yield fail(name, describe(got), trial.remedyOf(got.code, action('Get')));
  else if (got.text !== BODY) yield fail(name, 'the bytes differ from those stored');
  else if (got.headers.get('content-disposition') !== disposition) {
    yield fail(
      name,
      'the store does not set the Content-Disposition that is signed',
      'another store: inline files would run',
    );
  } else yield ok(name, 'the bytes, with their name');
  if (got.ok) yield encryptionOf(trial, objectKey, got);

  yield* checkStrangers(trial, objectKey);
  if (!canCopy(trial.services.config.store)) {
    yield ok('copy: to another key', 'off: this store does not copy encrypted objects');
  } else {
    yield await attempt('copy: to another key', `${action('Get')}, s3:PutObject`, async () => {
      trial.track((await freezeObject(trial.services, objectKey, object)).key);
    });
  }
  yield await attempt(`DELETE${isVersioned ? ': one version' : ''}`, action('Delete'), async () => {
    await bucket.remove(object);
    if ((await bucket.head(objectKey)) !== null) throw new Error('the object is still there');
  });

  async function attempt(title: string, actions: string, work: () => Promise<void>): Promise<Check> {
    try {
      await work();
      return ok(title, 'done');
    } catch (error) {
      return fail(title, reasonOf(error), trial.remedyOf(codeOf(error), ...actions.split(', ')));
    }
  }
}

/** No answer to a GET has these. */
const NOT_REPEATED = /-(customer-key|context)$/;

function encryptionOf({ services }: Trial, objectKey: string, got: BucketAnswer): Check {
  const { mode } = services.config.store.sse;
  const found =
    got.headers.get('x-amz-server-side-encryption') ?? (mode === 'c' ? "SSE-C, with the object's own key" : null);
  const missing = Object.entries(encryptionHeaders(services.config.store, objectKey)).find(([header, value]) => {
    if (NOT_REPEATED.test(header)) return false;
    // A request may name the key by its id or alias; the answer names its ARN.
    return header.endsWith('key-id') ? got.headers.get(header) === null : got.headers.get(header) !== value;
  });
  if (missing !== undefined) {
    return fail(
      'encryption at rest',
      `requested (SSE_MODE=${mode}), but the store does not confirm it`,
      'SSE_MODE, or a store that encrypts',
    );
  }
  return ok('encryption at rest', found ?? "the store's own default (SSE_MODE is not set)");
}

/** Checks that requests without a signature can neither read, list nor write. */
async function* checkStrangers(trial: Trial, objectKey: string): AsyncIterable<Check> {
  const { config } = trial.services;
  const read = await trial.send(trial.unsigned(objectKey));
  const remedy = 'npm run bucket:setup -- --yes (blocks public access)';
  const isMeant = config.urls.publicBaseUrl !== null;
  if (!read.ok) yield refused('no signature: read', read);
  else if (isMeant) yield warn('no signature: read', 'accepted: every key is public, as PUBLIC_BASE_URL needs');
  else yield fail('no signature: read', 'accepted: everybody can read every object', remedy);

  const listed = await trial.send(trial.unsigned('?list-type=2&max-keys=1'));
  yield listed.ok
    ? fail('no signature: list', 'accepted: everybody can list all keys', remedy)
    : refused('no signature: list', listed);

  const { objectKey: otherKey } = await trial.presignPut();
  trial.track(otherKey);
  const written = await trial.send(trial.unsigned(otherKey), { method: 'PUT', body: Buffer.from(BODY) });
  yield written.ok
    ? fail('no signature: write', 'accepted: everybody can write to the bucket', remedy)
    : refused('no signature: write', written);
}

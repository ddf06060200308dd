import { createHash } from 'node:crypto';
import { parseObjectKey } from '../contract/object-key.ts';
import { verifyObject } from '../uploads/verify-object.ts';
import { describe, NOT_CHECKED, refused } from './bucket-answer.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { BODY, type PutUpload, type Trial } from './open-trial.ts';

const ABSENT_HEADERS = 'S3_SIGN_ABSENT_HEADERS=true';

/** A request that misuses a signed URL. */
type Breach = {
  name: string;
  change: (upload: PutUpload) => { url?: string; headers?: Record<string, string>; body?: string };
  /** The trait that this breach needs. */
  needs?: 'conditionalPut';
};

const BREACHES: readonly Breach[] = [
  { name: 'larger', change: () => ({ body: `${BODY}!` }) },
  { name: 'smaller', change: () => ({ body: BODY.slice(1) }) },
  { name: 'another type', change: ({ headers }) => ({ headers: { ...headers, 'content-type': 'text/html' } }) },
  {
    name: 'other metadata',
    change: ({ headers }) => ({ headers: { ...headers, 'x-amz-meta-signpost-name': 'other.txt' } }),
  },
  {
    name: 'without If-None-Match',
    change: ({ headers: { 'if-none-match': _, ...headers } }) => ({ headers }),
    needs: 'conditionalPut',
  },
];

/** Checks that the bucket accepts one PUT as signed, and refuses every other. */
export async function* checkPut(trial: Trial): AsyncIterable<Check> {
  const { services } = trial;
  const { config } = services;
  const upload = await trial.presignPut();
  const stored = await trial.put(upload);
  if (!stored.ok) {
    yield fail('PUT: as signed', describe(stored), remedyOfPut(trial, stored.code));
    return;
  }
  yield ok('PUT: as signed', `accepted (${stored.status})`);
  yield await checkStored(trial, upload.objectKey);

  for (const { name, change, needs } of BREACHES) {
    if (needs !== undefined && !config.store[needs]) continue;
    const other = await trial.presignPut();
    yield refused(`PUT: ${name}`, await trial.put(other, change(other)));
  }
  const elsewhere = await trial.presignPut();
  trial.track(`${elsewhere.objectKey}.other`);
  const url = elsewhere.presignedUrl.replace('trial.txt?', 'trial.txt.other?');
  yield refused('PUT: to another key', await trial.put(elsewhere, { url }));
  yield refused('PUT: after it expired', await trial.put(await trial.presignPut({ expiresIn: 60 }, 120)));

  const second = await trial.put(upload);
  if (!second.ok) yield refused('PUT: a second time', second);
  else if (config.store.frozenUploads === 'all')
    yield ok('PUT: a second time', 'accepted, but harmless: every verified upload is copied');
  else yield fail('PUT: a second time', 'accepted: this store ignores If-None-Match', 'FREEZE_UPLOADS=all');

  const checksumSha256 = createHash('sha256').update('other bytes').digest('base64');
  const corrupt = await trial.put(await trial.presignPut({ checksumSha256 }));
  const checksumName = 'PUT: another checksum';
  const hashed = 'confirming reads the object to hash it';
  if (!corrupt.ok) yield refused(checksumName, corrupt);
  else if (config.store.checksums) yield warn(checksumName, `accepted: this store ignores the checksum; ${hashed}`);
  else yield ok(checksumName, `not sent to this store; ${hashed}`);

  yield* checkAdditions(trial, upload.objectKey);
}

/** Checks headers that an uploader might add unsigned. AWS refuses each of them, some stores accept them. */
async function* checkAdditions(trial: Trial, storedKey: string): AsyncIterable<Check> {
  const add = async (header: string, value: string) => {
    const upload = await trial.presignPut();
    const answer = await trial.put(upload, { headers: { ...upload.headers, [header]: value } });
    return { answer, key: upload.objectKey };
  };
  const copy = await add('x-amz-copy-source', `/${trial.services.endpoint.bucket}/${storedKey}`);
  const copyName = 'PUT: x-amz-copy-source, not signed';
  if (!copy.answer.ok) yield refused(copyName, copy.answer);
  else if (copy.answer.text.includes('CopyObjectResult')) {
    const detail = 'accepted: an uploader can copy every object these credentials may read, even over a verified one';
    yield fail(copyName, detail, ABSENT_HEADERS);
  } else yield ok(copyName, 'accepted, but the bucket ignores it');

  const acl = await add('x-amz-acl', 'public-read');
  const aclName = 'PUT: x-amz-acl, not signed';
  if (!acl.answer.ok) yield refused(aclName, acl.answer);
  else if ((await trial.send(trial.unsigned(acl.key))).ok) {
    const detail = 'accepted: an uploader can make their file public';
    yield warn(aclName, detail, `${ABSENT_HEADERS}; or npm run bucket:setup -- --yes (blocks public access)`);
  } else yield ok(aclName, 'accepted, but the bucket ignores it');

  const metadata = await add('x-amz-meta-added', 'by the uploader');
  const metadataName = 'PUT: x-amz-meta-added, not signed';
  yield metadata.answer.ok
    ? warn(metadataName, 'accepted: an uploader can add metadata that was not signed')
    : refused(metadataName, metadata.answer);
}

function remedyOfPut(trial: Trial, code: string): string | undefined {
  const { store } = trial.services.config;
  const remedies = [trial.remedyOf(code, 's3:PutObject')];
  if (!store.bucketSettings && code === 'AccessDenied') {
    remedies.push('BlockPublicAcls off (under it Ceph 16 refuses every PUT)');
  }
  if (store.sse.mode !== 'none')
    remedies.push('SSE_MODE, SSE_KMS_KEY_ID, kms:GenerateDataKey and kms:Decrypt on the key');
  return remedies.filter((remedy) => remedy !== undefined).join('; or ') || undefined;
}

/** Checks that HEAD shows what a confirmation compares. */
async function checkStored(trial: Trial, objectKey: string): Promise<Check> {
  const name = 'HEAD: what was signed';
  const { services } = trial;
  const object = await services.bucket.head(objectKey);
  const key = parseObjectKey(services.config.store.keyPrefix, objectKey);
  if (object === null || key === null) {
    return fail(name, 'HEAD does not find the object', trial.remedyOf('AccessDenied', 's3:GetObject'));
  }
  const { mismatches } = await verifyObject(services, key, object);
  if (mismatches.length === 0) return ok(name, 'size, type and metadata come back');
  return fail(name, mismatches.map(({ path, message }) => `${path}: ${message}`).join('; '), NOT_CHECKED);
}

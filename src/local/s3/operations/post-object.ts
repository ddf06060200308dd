import { requirePrivateAcl } from '../access-control.ts';
import { etagOf, KEY_HEADERS, keepKey, keyHeaders, readCustomerKey } from '../encryption/key-of-request.ts';
import { ANY_BODY, BODY_HEADERS, readExpectedBody } from '../expected-body.ts';
import { requireKeyLength } from '../key-length.ts';
import { readObjectHeaders, refuseUnknownHeaders } from '../object-headers.ts';
import { describePost } from '../post/describe-post.ts';
import { formHeaders } from '../post/form-headers.ts';
import { type PostPolicy, parsePolicy, requirePolicy } from '../post/post-policy.ts';
import { readForm } from '../post/read-form.ts';
import { receiveBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import { verifyPolicySignature } from '../signature/verify-policy-signature.ts';
import type { SigningKeys } from '../signature/verify-signature.ts';
import { requireBucket } from '../store/buckets.ts';
import { commitObject } from '../store/commit-object.ts';
import { openIncomingFile } from '../store/open-incoming-file.ts';
import { readTagging } from '../tags.ts';
import { versionHeaders } from '../version-headers.ts';
import { parseXmlBody } from '../xml-body.ts';

const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const FILE_NAME = /\$\{filename\}/g;
const KNOWN_HEADERS = [...BODY_HEADERS, ...KEY_HEADERS, 'x-amz-server-side-encryption', 'x-amz-storage-class'];

/** True for what an HTML form sends: `POST` to a bucket, as multipart/form-data. */
export function isFormPost({ method, bucket, key, query, headers }: S3Request): boolean {
  const isForm = /^multipart\/form-data\s*(?:;|$)/i.test(headers.get('content-type') ?? '');
  return isForm && method === 'POST' && bucket !== '' && key === '' && query.length === 0;
}

/**
 * PostObject, at most 5 GiB: the S3 reference, "POST Object". The form's signature and policy are checked before the
 * first byte of the file is stored; fields after the file are ignored. While the fields arrive, the client is not
 * authenticated yet: RequestTimeout if they take longer than `headTimeoutMilliseconds`.
 */
export async function postObject(call: S3Call, keys: SigningKeys, headTimeoutMilliseconds: number): Promise<S3Answer> {
  const { request, store, now } = call;
  const { bucket } = request;
  if (!request.headers.has('content-length')) throw new S3Error('MissingContentLength');
  const form = await inTime(readForm(request.headers.get('content-type') ?? '', request.body), headTimeoutMilliseconds);
  // Conditions apply to the fields after variables are replaced, and to the addressed bucket.
  const fields = new Map(
    [...form.fields].map(([name, value]) => [name, value.replace(FILE_NAME, () => form.fileName)] as const),
  );
  const policy = parsePolicy(verifyPolicySignature(form.fields, keys));
  requirePolicy(policy, new Map([...fields, ['bucket', bucket]]), now);
  const key = readKey(fields);
  const acl = fields.get('acl');
  if (acl !== undefined) requirePrivateAcl(new Map([['x-amz-acl', acl]]));

  // From here on, the form's fields replace the headers of a PutObject.
  const asPut = { ...request, key, headers: formHeaders(fields) };
  refuseUnknownHeaders(asPut, KNOWN_HEADERS);
  const headers = readObjectHeaders(asPut);
  const customerKey = readCustomerKey(asPut.headers);
  const { checksum } = readExpectedBody({ ...call, request: asPut });
  const tagging = fields.get('tagging');
  const tags = tagging === undefined ? [] : readTagging(parseXmlBody(Buffer.from(tagging)));
  await requireBucket(store, bucket);

  const upload = await openIncomingFile(store, customerKey?.bytes);
  try {
    const expected = { ...ANY_BODY, checksum };
    const { md5Hex } = await receiveBody(form.file, expected, async (chunk) => {
      requireMaxSize(policy, upload.sizeBytes() + chunk.length);
      await upload.write(chunk);
    });
    const sizeBytes = upload.sizeBytes();
    requireMinSize(policy, sizeBytes);
    await upload.finish();
    const etag = etagOf(md5Hex, customerKey);
    const described = { key, sizeBytes, etag, lastModified: now.toISOString(), headers, checksum, tags };
    const record = { ...described, ...keepKey(customerKey) };
    const { versionId } = await commitObject(store, bucket, upload, record, { mustNotExist: false, mustMatch: null });
    const answer = describePost(request, fields, record);
    const answered = [...keyHeaders(customerKey), ...(await versionHeaders(call, versionId))];
    return { ...answer, headers: [...answer.headers, ...answered] };
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

async function inTime<Result>(work: Promise<Result>, milliseconds: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new S3Error('RequestTimeout')), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function readKey(fields: ReadonlyMap<string, string>): string {
  const key = fields.get('key');
  if (key === undefined) {
    const message =
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.";
    throw new S3Error('InvalidArgument', message, { ArgumentName: 'key', ArgumentValue: '' });
  }
  if (key === '') throw new S3Error('UserKeyMustBeSpecified');
  requireKeyLength(key);
  return key;
}

function requireMaxSize({ sizes }: PostPolicy, sizeBytes: number): void {
  const max = Math.min(MAX_OBJECT_BYTES, ...sizes.map((range) => range.max));
  if (sizeBytes <= max) return;
  const details = { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(max) };
  throw new S3Error('EntityTooLarge', undefined, details);
}

function requireMinSize({ sizes }: PostPolicy, sizeBytes: number): void {
  const min = Math.max(0, ...sizes.map((range) => range.min));
  if (sizeBytes >= min) return;
  const details = { ProposedSize: String(sizeBytes), MinSizeAllowed: String(min) };
  throw new S3Error('EntityTooSmall', undefined, details);
}

import { S3Error } from '../s3-error.ts';
import type { S3Request } from '../s3-request.ts';
import { readSetting } from '../store/buckets.ts';
import type { Store } from '../store/store.ts';
import { matchesResource } from './matches-resource.ts';

type Statement = { Effect: 'Allow'; Resource: string[] };

/** A supported policy: its statements, and its text as sent, which GetBucketPolicy returns. */
export type PublicReadPolicy = { text: string; statements: Statement[] };

const MAX_POLICY_BYTES = 20 * 1024;

/**
 * Reads a bucket policy that lets everybody read: the S3 user guide, "Examples of Amazon S3 bucket policies", "Granting
 * public read". Each statement allows `s3:GetObject` to `*`, for objects of this bucket. Throws MalformedPolicy for an
 * invalid policy, and NotImplemented for any other statement, since only enforced policies are accepted.
 */
export function parsePublicReadPolicy(text: string, bucket: string): PublicReadPolicy {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) throw malformed('Policies can be 20 KB at most');
  const document = parseJson(text);
  if (!isObject(document)) throw malformed('Policies must be valid JSON and the first byte must be {');
  const { Version, Statement: list, Id: _id, ...others } = document;
  const statements = Array.isArray(list) ? list : [list];
  if (Version !== '2012-10-17' && Version !== '2008-10-17') throw malformed('The policy must contain a valid version');
  if (Object.keys(others).length > 0 || statements.length === 0) throw malformed('Unknown field, or no statement');
  return { text, statements: statements.map((statement) => readStatement(statement, bucket)) };
}

/** Whether everybody may read this object, without a signature. False if there is no such bucket. */
export async function isPublic(store: Store, { bucket, key }: S3Request): Promise<boolean> {
  if (bucket === '' || key === '') return false;
  const setting = await readSetting(store, bucket, 'policy').catch((error) => {
    if (error instanceof S3Error) return null;
    throw error;
  });
  if (setting === null) return false;
  const { statements } = JSON.parse(setting) as PublicReadPolicy;
  const resource = `arn:aws:s3:::${bucket}/${key}`;
  return statements.some(({ Resource }) => Resource.some((pattern) => matchesResource(pattern, resource)));
}

function readStatement(statement: unknown, bucket: string): Statement {
  if (!isObject(statement)) throw malformed('A statement is an object');
  const { Sid: _sid, Effect, Principal, Action, Resource, ...others } = statement;
  const principals = [isObject(Principal) ? Principal.AWS : Principal].flat();
  const actions = [Action].flat();
  const isEverybody = principals.length > 0 && principals.every((principal) => principal === '*');
  const isRead = actions.length > 0 && actions.every((action) => /^s3:GetObject$/i.test(String(action)));
  const resources = [Resource].flat().map(String);
  const hasVariables = resources.some((resource) => resource.includes('${'));
  if (Object.keys(others).length > 0 || Effect !== 'Allow' || !isEverybody || !isRead || hasVariables) {
    const message =
      'Only policies that let everybody read are implemented: Allow, Principal *, s3:GetObject, no Condition';
    throw new S3Error('NotImplemented', message);
  }
  if (resources.length === 0 || !resources.every((resource) => resource.startsWith(`arn:aws:s3:::${bucket}/`))) {
    throw malformed('Policy has invalid resource');
  }
  return { Effect, Resource: resources };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('Policies must be valid JSON and the first byte must be {');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): S3Error {
  return new S3Error('MalformedPolicy', message);
}

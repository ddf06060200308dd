import { S3Error } from '../s3-error.ts';
import { computeSignature, isSignature } from './compute-signature.ts';
import {
  parseCredential,
  parseTimestamp,
  scopeProblem,
  unknownSession,
  unsupportedVersion,
} from './signature-claim.ts';
import type { SigningKeys } from './verify-signature.ts';

/**
 * Verifies the signature of a form's policy: the S3 reference, "Authenticating Requests in Browser-Based Uploads Using
 * POST (AWS Signature Version 4)". `fields` are by lower-case name. Returns the policy as it was signed, in base64.
 * Throws AccessDenied without a policy, InvalidArgument for fields that are missing or malformed, InvalidRequest for
 * another version of signatures, InvalidToken, InvalidAccessKeyId and SignatureDoesNotMatch.
 */
export function verifyPolicySignature(fields: ReadonlyMap<string, string>, keys: SigningKeys): string {
  const policy = fields.get('policy');
  if (policy === undefined) throw new S3Error('AccessDenied');
  if (fields.has('signature')) {
    throw unsupportedVersion();
  }
  if (fields.has('x-amz-security-token')) throw unknownSession();
  const algorithm = requireField(fields, 'X-Amz-Algorithm');
  if (algorithm !== 'AWS4-HMAC-SHA256') throw wrongField('X-Amz-Algorithm', algorithm);
  const credentialText = requireField(fields, 'X-Amz-Credential');
  const credential = parseCredential(credentialText);
  if (credential === null) throw wrongField('X-Amz-Credential', credentialText);
  const timestamp = requireField(fields, 'X-Amz-Date');
  if (parseTimestamp(timestamp) === null) throw wrongField('X-Amz-Date', timestamp);
  const problem = scopeProblem(credential, timestamp, keys.region);
  if (problem !== null) throw new S3Error('InvalidArgument', problem.message, problem.details);
  const signature = requireField(fields, 'X-Amz-Signature');
  if (credential.accessKeyId !== keys.accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: credential.accessKeyId });
  }
  if (!isSignature(computeSignature(keys.secretAccessKey, credential.scope, policy), signature)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, {
      AWSAccessKeyId: credential.accessKeyId,
      StringToSign: policy,
      SignatureProvided: signature,
    });
  }
  return policy;
}

function requireField(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value !== undefined) return value;
  const hint = 'If it is specified, please check the order of the fields.';
  const message = `Bucket POST must contain a field named '${name}'.  ${hint}`;
  throw new S3Error('InvalidArgument', message, { ArgumentName: name, ArgumentValue: '' });
}

function wrongField(name: string, value: string): S3Error {
  return new S3Error('InvalidArgument', `${name} is invalid`, { ArgumentName: name, ArgumentValue: value });
}

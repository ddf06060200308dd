import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import { type AuditServices, recordAct } from '../audit/record-events.ts';
import type { Config } from '../config/config.ts';
import { holdsAny } from '../config/held-types.ts';
import { MAX_CREDENTIAL_SECONDS, MIN_CREDENTIAL_SECONDS } from '../config/settings/credential-settings.ts';
import { presignedUrlField, timeField } from '../contract/answer-fields.ts';
import { Problem, throwUnavailable } from '../contract/errors.ts';
import { answers } from '../contract/named-schemas.ts';
import { userPrefix } from '../contract/object-key.ts';
import type { RoleSessions } from '../storage/role-sessions.ts';

export const issueCredentialsInput = z.strictObject({
  expiresIn: z
    .int()
    .min(MIN_CREDENTIAL_SECONDS)
    .max(MAX_CREDENTIAL_SECONDS)
    .optional()
    .describe('How long they work, in seconds. Default: an hour, or less if the service allows less.'),
});

export const credentialsAnswer = z
  .strictObject({
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    sessionToken: z.string(),
    expiresAt: timeField,
    serverTime: timeField,
    bucket: z.string(),
    region: z.string(),
    endpoint: presignedUrlField.nullable().describe("The store's URL; null on AWS."),
    forcePathStyle: z.boolean().describe('Whether the bucket is named in the path, not in the host.'),
    prefix: z.string().describe('Every key that they reach begins with it.'),
  })
  .register(answers, { id: 'TemporaryCredentials' });

export type TemporaryCredentials = z.infer<typeof credentialsAnswer>;

export type IssueCredentialsServices = AuditServices & {
  config: Pick<Config, 'bucket' | 'limits' | 'store' | 'sts' | 'urls'>;
  /** null: none can be issued. */
  roleSessions: RoleSessions | null;
  now: () => Date;
};

const DEFAULT_SECONDS = 3600;

/**
 * Credentials of the bucket for the caller's prefix alone, for programs such as the AWS CLI. With `files:read` they
 * list and read; with `files:write` they list, put and remove, except under the keys of the service's own uploads.
 * @returns also what a client needs besides them.
 * @throws {Problem} `forbidden` for a ticket, and without either scope; `invalid-request` for more seconds than
 * TEMPORARY_CREDENTIALS_MAX_SECONDS; `storage-unavailable` if STS does not answer, refuses, or does not confine the
 * credentials; `database-unavailable` if the audit log cannot be written.
 */
export const issueCredentials = audited('credentials.issue', issue, () => ({}));

async function issue(
  services: IssueCredentialsServices,
  caller: ActingCaller,
  { expiresIn }: z.infer<typeof issueCredentialsInput>,
): Promise<TemporaryCredentials> {
  const { config, roleSessions, now } = services;
  const { bucket, sts, store, urls } = config;
  if (bucket === null || sts === null || roleSessions === null) {
    throw new Error('there is no TEMPORARY_CREDENTIALS_ROLE_ARN');
  }
  // Credentials bypass the service: they could read held files before a verdict, and other files without an event in
  // the audit log.
  const isReadable = urls.presignsDownloads && !holdsAny(config.limits);
  const rights = {
    mayRead: isReadable && caller.scopes.has('files:read'),
    mayWrite: caller.scopes.has('files:write'),
  };
  if (!rights.mayRead && !rights.mayWrite) {
    const detail = 'with your scopes, the credentials could neither list, read nor write';
    throw new Problem('forbidden', isReadable ? detail : `${detail}: this service gives none that read`);
  }
  // The bucket cannot enforce limits of records, types, sizes and numbers, or an end before the credentials' own.
  if (Object.values(caller.limits ?? {}).some((limit) => limit !== undefined)) {
    throw new Problem(
      'forbidden',
      'there are no credentials for a token with limits: the bucket could not enforce them',
    );
  }
  if (expiresIn !== undefined && expiresIn > sts.maxSeconds) {
    const message = `must be at most ${sts.maxSeconds}`;
    throw new Problem('invalid-request', `expiresIn ${message}`, { errors: [{ path: 'expiresIn', message }] });
  }

  const seconds = expiresIn ?? Math.min(DEFAULT_SECONDS, sts.maxSeconds);
  const name = `signpost-${caller.requestId}`.slice(0, 64);
  const session = await roleSessions
    .open({ userId: caller.userId, rights, seconds, name })
    .catch(throwUnavailable('storage'));
  if (session === null) throw new Problem('forbidden', 'your user id is too long for a session policy');
  const prefix = userPrefix(store.keyPrefix, caller.userId);
  // Before the credentials leave the service, the audit log has their row.
  await recordAct(services, caller, caller.act.action, { objectKey: prefix });
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiresAt: expiration.toISOString(),
    serverTime: now().toISOString(),
    bucket: bucket.name,
    region: bucket.region,
    endpoint: urls.s3Endpoint ?? bucket.endpoint ?? null,
    forcePathStyle: bucket.forcePathStyle,
    prefix,
  };
}

import type { BucketConfig, StsConfig } from '../config/slices.ts';
import { systemActor, type UserId, userPrefix } from '../contract/object-key.ts';
import type { Credentials } from '../signing/credentials.ts';
import { createS3Client } from './create-s3-client.ts';
import { requireConfined } from './require-confined.ts';
import { type SessionRights, sessionPolicy } from './session-policy.ts';

/** The credentials of a session of the role. */
export type RoleSession = Required<Credentials>;

export type SessionRequest = {
  userId: UserId;
  rights: SessionRights;
  /** From 900. */
  seconds: number;
  /** Shown in the store's own log: 2 to 64 of `[A-Za-z0-9._-]`. */
  name: string;
};

export type RoleSessions = {
  /**
   * Credentials for the user's prefix alone; null if the user's id is too long for a session policy.
   * @throws {Error} if STS does not answer or refuses, or the store does not confine a session.
   */
  open: (request: SessionRequest) => Promise<RoleSession | null>;
};

/** Users that no token can name. */
const NOBODY = systemActor('probe');
const NOBODY_ELSE = systemActor('outside');
const ANSWER_WITHIN_MS = 5_000;

/**
 * Opens sessions of the role by AssumeRole. Before the first one, it tests, with a session for a prefix that belongs to
 * no user, whether the store limits sessions to their policy (`requireConfined`).
 * @param credentials those of the service.
 */
export function createRoleSessions(
  bucket: BucketConfig,
  sts: StsConfig,
  keyPrefix: string,
  credentials: () => Promise<Credentials>,
): RoleSessions {
  // Other stores may have role ARNs of any form, but their bucket ARNs have the form of AWS.
  const partition = /^arn:(aws[a-z-]*):/.exec(sts.roleArn)?.[1] ?? 'aws';
  const policyOf = (userId: UserId, rights: SessionRights) =>
    sessionPolicy({ bucket: bucket.name, keyPrefix, partition }, userId, rights);
  let confined: Promise<void> | undefined;

  async function assume(
    as: () => Promise<Credentials>,
    Policy: string,
    seconds: number,
    name: string,
  ): Promise<RoleSession> {
    const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
    const client = new STSClient({
      region: bucket.region,
      credentials: as,
      maxAttempts: 2,
      ...(sts.endpoint !== undefined && { endpoint: sts.endpoint }),
      requestHandler: { connectionTimeout: 2_000, requestTimeout: ANSWER_WITHIN_MS, throwOnRequestTimeout: true },
    });
    try {
      const request = { RoleArn: sts.roleArn, RoleSessionName: name, DurationSeconds: seconds, Policy };
      const { Credentials: given } = await client.send(new AssumeRoleCommand(request));
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) throw new Error('STS gave no credentials');
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      };
    } finally {
      client.destroy();
    }
  }

  async function probe(): Promise<void> {
    const policy = policyOf(NOBODY, { mayRead: true, mayWrite: true });
    if (policy === null) throw new Error('KEY_PREFIX is too long for a session policy');
    const session = await assume(credentials, policy, 900, 'signpost-probe');
    const client = createS3Client({ ...bucket, credentials: session });
    const own = createS3Client({ ...bucket, credentials });
    try {
      await requireConfined(client, {
        Bucket: bucket.name,
        own,
        prefix: userPrefix(keyPrefix, NOBODY),
        otherPrefix: userPrefix(keyPrefix, NOBODY_ELSE),
        assumeAgain: () => assume(async () => session, policy, 900, 'signpost-probe'),
      });
    } finally {
      client.destroy();
      own.destroy();
    }
  }

  return {
    open: async ({ userId, rights, seconds, name }) => {
      confined ??= probe().catch((error: unknown) => {
        confined = undefined;
        throw error;
      });
      await confined;
      const policy = policyOf(userId, rights);
      return policy === null ? null : assume(credentials, policy, seconds, name);
    },
  };
}

import {
  CreateBucketCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type PublicAccessBlockConfiguration,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
  type ServerSideEncryptionByDefault,
} from '@aws-sdk/client-s3';
import type { Config } from '../config/config.ts';
import {
  applySetting,
  type BucketSetting,
  planSetting,
  type SettingToPlan,
  undefinedIfMissing,
} from './plan-setting.ts';
import { statusOf } from './s3-failure.ts';
import { describeCorsRule, withCorsRule } from './with-cors-rule.ts';
import { describeLifecycleRule, withLifecycleRule } from './with-lifecycle-rule.ts';

/** The configuration that a bucket's settings follow, and whether to enable versioning. */
type WantedSettings = Pick<Config, 'server' | 'store' | 'urls'> & {
  versioning: boolean;
};

/**
 * Compares a bucket with the settings that the service needs; changes nothing. Other rules are kept.
 * @throws {Error} if the bucket does not answer, is in another region, or refuses these credentials.
 */
export async function planBucketSettings(
  client: S3Client,
  name: string,
  wanted: WantedSettings,
): Promise<BucketSetting[]> {
  const { store } = wanted;
  const settings = [
    publicAccess(client, name, wanted),
    cors(client, name, wanted),
    lifecycle(client, name, wanted),
    encryption(client, name, wanted),
    versioning(client, name, wanted),
  ];
  const create = () =>
    applySetting('s3:CreateBucket', store, () => client.send(new CreateBucketCommand({ Bucket: name })));
  const bucket: BucketSetting = (await bucketExists(client, name))
    ? { name: 'bucket', state: 'holds', now: [name] }
    : { name: 'bucket', state: 'differs', now: [], wanted: [name], apply: create };
  return [bucket, ...(await Promise.all(settings.map((setting) => planSetting(setting, store))))];
}

async function bucketExists(client: S3Client, name: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: name }));
    return true;
  } catch (cause) {
    const status = statusOf(cause);
    if (status === 404) return false;
    if (status === 301) throw new Error(`the bucket ${name} is in another region than AWS_REGION says`, { cause });
    if (status !== 403) throw new Error(`the bucket ${name} does not answer`, { cause });
    throw new Error(`the bucket ${name} is not open to these credentials: they are wrong, or lack s3:ListBucket`);
  }
}

/**
 * S3 User Guide, "Blocking public access to your Amazon S3 storage". BlockPublicAcls only where the store is known to
 * implement it as AWS does: Ceph 16 would refuse every PUT, not only those with an ACL. IgnorePublicAcls makes ACLs
 * ineffective anyway.
 */
function publicAccess(client: S3Client, Bucket: string, { urls, store }: WantedSettings): SettingToPlan {
  return {
    name: 'public access',
    action: 'BucketPublicAccessBlock',
    skip: urls.publicBaseUrl !== null && 'PUBLIC_BASE_URL is set: the bucket may be meant to be public',
    read: async () => {
      const found = await undefinedIfMissing(client.send(new GetPublicAccessBlockCommand({ Bucket })));
      const current = found?.PublicAccessBlockConfiguration ?? {};
      const PublicAccessBlockConfiguration = {
        BlockPublicAcls: store.bucketSettings || current.BlockPublicAcls === true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      };
      return {
        now: describeSwitches(current),
        wanted: describeSwitches(PublicAccessBlockConfiguration),
        write: () => client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration })),
      };
    },
  };
}

function describeSwitches(switches: PublicAccessBlockConfiguration): string[] {
  return Object.entries(switches)
    .flatMap(([name, isOn]) => (isOn ? [name] : []))
    .sort();
}

function cors(client: S3Client, Bucket: string, { server: { allowedOrigins } }: WantedSettings): SettingToPlan {
  return {
    name: 'cors',
    action: 'BucketCORS',
    skip: allowedOrigins.length === 0 && 'ALLOWED_ORIGINS is not set: no web page needs the bucket',
    read: async () => {
      const rules = (await undefinedIfMissing(client.send(new GetBucketCorsCommand({ Bucket }))))?.CORSRules ?? [];
      const CORSRules = withCorsRule(rules, allowedOrigins);
      return {
        now: rules.map(describeCorsRule),
        wanted: CORSRules.map(describeCorsRule),
        write: () => client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } })),
      };
    },
  };
}

function lifecycle(client: S3Client, Bucket: string, { store }: WantedSettings): SettingToPlan {
  return {
    name: 'lifecycle',
    action: 'LifecycleConfiguration',
    read: async () => {
      const found = await undefinedIfMissing(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket })));
      const rules = found?.Rules ?? [];
      const Rules = withLifecycleRule(rules, store.keyPrefix);
      // If left out, S3 would reset it to the default.
      const { TransitionDefaultMinimumObjectSize } = found ?? {};
      const put = { Bucket, LifecycleConfiguration: { Rules }, TransitionDefaultMinimumObjectSize };
      return {
        now: rules.map(describeLifecycleRule),
        wanted: Rules.map(describeLifecycleRule),
        write: () => client.send(new PutBucketLifecycleConfigurationCommand(put)),
      };
    },
  };
}

/**
 * The default encryption, for uploads without a header (S3 User Guide, "Setting default server-side encryption
 * behavior"). For SSE-C, new buckets on AWS must be told not to block it (S3 User Guide, "Blocking or unblocking
 * SSE-C").
 */
function encryption(
  client: S3Client,
  Bucket: string,
  { store: { sse, bucketSettings } }: WantedSettings,
): SettingToPlan {
  const isC = sse.mode === 'c';
  return {
    name: 'encryption',
    action: 'EncryptionConfiguration',
    skip:
      (sse.mode === 'none' && 'SSE_MODE is not set: the bucket keeps its default') ||
      (isC && !bucketSettings && 'SSE_MODE=c needs no setting: every request brings its key'),
    read: async () => {
      const found = await undefinedIfMissing(client.send(new GetBucketEncryptionCommand({ Bucket })));
      const rule = found?.ServerSideEncryptionConfiguration?.Rules?.[0];
      const current = rule?.ApplyServerSideEncryptionByDefault;
      const isKms = sse.mode === 'kms';
      const asked: ServerSideEncryptionByDefault = {
        SSEAlgorithm: isKms ? 'aws:kms' : 'AES256',
        // If no key is configured, the bucket's current key is kept.
        KMSMasterKeyID: isKms ? (sse.kmsKeyId ?? current?.KMSMasterKeyID) : undefined,
      };
      const wanted = isC ? (current ?? asked) : asked;
      const isBlocked = isC && rule?.BlockedEncryptionTypes?.EncryptionType?.includes('SSE-C');
      const unblocked = isBlocked && { BlockedEncryptionTypes: { EncryptionType: ['NONE' as const] } };
      const Rules = [{ ...rule, ApplyServerSideEncryptionByDefault: wanted, ...unblocked }];
      const put = { Bucket, ServerSideEncryptionConfiguration: { Rules } };
      return {
        now: [
          ...(current === undefined ? [] : [describeEncryption(current)]),
          ...(isBlocked ? ['SSE-C is blocked'] : []),
        ],
        wanted: [describeEncryption(wanted)],
        write: () => client.send(new PutBucketEncryptionCommand(put)),
      };
    },
  };
}

function describeEncryption({ SSEAlgorithm, KMSMasterKeyID }: ServerSideEncryptionByDefault): string {
  return `${SSEAlgorithm}${KMSMasterKeyID === undefined ? '' : ` with the key ${KMSMasterKeyID}`}`;
}

function versioning(client: S3Client, Bucket: string, wanted: WantedSettings): SettingToPlan {
  return {
    name: 'versioning',
    action: 'BucketVersioning',
    skip: !wanted.versioning && 'not requested (--versioning)',
    read: async () => {
      const { Status = 'off' } =
        (await undefinedIfMissing(client.send(new GetBucketVersioningCommand({ Bucket })))) ?? {};
      const put = { Bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
      return { now: [Status], wanted: ['Enabled'], write: () => client.send(new PutBucketVersioningCommand(put)) };
    },
  };
}

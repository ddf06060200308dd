import { isIPv4 } from 'node:net';
import { ON_WORKERS } from '../net/on-workers.ts';
import { readAuthConfig } from './auth-config.ts';
import { ConfigError } from './config-error.ts';
import { encryptionErrors } from './encryption-errors.ts';
import { holdsAny } from './held-types.ts';
import { readSettingFiles, type SettingError } from './setting-files.ts';
import { type Settings, settings } from './settings.ts';
import { readSlices } from './slices.ts';
import { workerErrors } from './worker-errors.ts';

export const SETTING_NAMES: readonly string[] = Object.keys(settings.shape);

/** The settings in slices; a function takes only those that it reads. */
export type Config = ReturnType<typeof parseConfig>;

const NO_UPLOAD_ID_SECRET =
  'UPLOAD_ID_SECRET: required in production without JWT_SECRET and without static credentials of the bucket ' +
  '(openssl rand -base64 48)';

/** What an app gives the library in place of settings: `database` is a pool. */
type GivenParts = { authorize?: boolean; database?: boolean };

/** Settings without a meaning where the app gives a part. JWT_SECRET still signs the ids of uploads. */
const REPLACED: Readonly<Record<keyof GivenParts, readonly (keyof Settings)[]>> = {
  authorize: [
    ...(['JWT_PUBLIC_KEY', 'JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_CLIENT_IDS', 'JWT_ALGORITHMS'] as const),
    ...(['JWT_CLOCK_TOLERANCE_SECONDS', 'JWT_USER_CLAIM', 'JWT_OWNER_CLAIM', 'JWT_SCOPE_CLAIM'] as const),
    ...(['JWT_SCOPES', 'AUTH_COOKIE'] as const),
  ],
  database: ['DATABASE_URL', 'DATABASE_DRIVER', 'DATABASE_MAX_CONNECTIONS'],
};

/**
 * Parses the environment once, at start. Any setting may come from a file (`NAME_FILE`).
 * @param given the parts that need no settings.
 * @throws {ConfigError} naming every variable that is missing, malformed or contradicts another.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>, given: GivenParts = {}) {
  const { present, errors: fileErrors } = readSettingFiles(env, SETTING_NAMES);
  const wrong = [...fileErrors, ...shapeErrors(present)];
  const isWrong = (name: string) => wrong.some((error) => error.name === name);
  const set = settings.parse(Object.fromEntries(Object.entries(present).filter(([name]) => !isWrong(name))));
  const { auth, errors: authErrors } = readAuthConfig(set, set.NODE_ENV === 'production' && given.authorize !== true);
  const config = readSlices(set, auth, given.database === true);
  // Invalid settings were left out above; reporting them as missing would repeat the error.
  const contradictory = [...authErrors, ...replaced(present, given), ...contradictions(set, config, given)].filter(
    (text) => !(text.match(/[A-Z][A-Z0-9_]+/g) ?? []).some(isWrong),
  );
  const errors = [...wrong.map(({ name, message }) => `${name}: ${message}`), ...contradictory];
  if (errors.length > 0) throw new ConfigError(errors.join('\n'));
  return config;
}

function shapeErrors(present: Readonly<Record<string, string>>): SettingError[] {
  const issues = settings.safeParse(present).error?.issues ?? [];
  return issues.map((issue) => ({
    name: String(issue.path[0]),
    message: (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message,
  }));
}

function replaced(present: Readonly<Record<string, string>>, given: GivenParts): string[] {
  return (['authorize', 'database'] as const).flatMap((part) => {
    const useless = given[part] === true ? REPLACED[part].filter((name) => present[name] !== undefined) : [];
    return useless.map((name) => `${name}: has no meaning with ${part}`);
  });
}

function contradictions(
  set: Settings,
  { server: { production }, local, auth, uploadIds, store, limits }: Config,
  given: GivenParts,
): string[] {
  const errors: string[] = [];
  const hasKeys = given.authorize === true || auth.keys.length > 0;
  if (production && hasKeys && uploadIds.secrets.length === 0) errors.push(NO_UPLOAD_ID_SECRET);
  const hasDatabase = given.database === true || set.DATABASE_URL !== undefined;
  if (ON_WORKERS) errors.push(...workerErrors(set, hasDatabase));
  if (production && !hasDatabase) errors.push('DATABASE_URL: required in production');
  if (set.S3_BUCKET_NAME === undefined && (production || set.S3_ENDPOINT !== undefined)) {
    errors.push(`S3_BUCKET_NAME: required ${production ? 'in production' : 'with S3_ENDPOINT'}`);
  }
  if (set.S3_BUCKET_NAME !== undefined && set.S3_ENDPOINT === undefined && !isAwsBucketName(set.S3_BUCKET_NAME)) {
    errors.push('S3_BUCKET_NAME: on AWS a name has 3 to 63 of [a-z0-9.-] and begins and ends with one of [a-z0-9]');
  }
  const ports = Object.entries({
    PORT: set.PORT,
    LOCAL_S3_PORT: set.S3_BUCKET_NAME === undefined ? local.s3Port : 0,
    METRICS_PORT: set.METRICS_PORT ?? 0,
  }).filter(([, port], _, all) => port !== 0 && all.filter(([, other]) => other === port).length > 1);
  if (ports.length > 0) errors.push(`${ports.map(([name]) => name).join(', ')}: must be different ports`);
  if (set.S3_BUCKET_NAME !== undefined && set.AWS_REGION === undefined && set.S3_ENDPOINT === undefined) {
    errors.push('AWS_REGION: required with S3_BUCKET_NAME on AWS');
  }
  if ((set.AWS_ACCESS_KEY_ID === undefined) !== (set.AWS_SECRET_ACCESS_KEY === undefined)) {
    errors.push('AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set both or neither');
  }
  if (!hasDatabase) {
    if (set.DATABASE_DRIVER !== undefined) errors.push('DATABASE_DRIVER: needs DATABASE_URL');
    if (set.DATABASE_DIRECT_URL !== undefined) errors.push('DATABASE_DIRECT_URL: needs DATABASE_URL');
    if (!set.MIGRATE_ON_START) errors.push('MIGRATE_ON_START: false needs DATABASE_URL');
  }
  if (set.TEMPORARY_CREDENTIALS_ROLE_ARN !== undefined && set.S3_BUCKET_NAME === undefined) {
    errors.push('TEMPORARY_CREDENTIALS_ROLE_ARN: needs S3_BUCKET_NAME; the embedded bucket has no STS');
  }
  const { provider, conditionalPut, frozenUploads } = store;
  if (!conditionalPut && frozenUploads !== 'all') {
    errors.push(`FREEZE_UPLOADS: must be all, since this store (S3_PROVIDER=${provider}) has no If-None-Match on PUT`);
  }
  const hasReceiver = set.WEBHOOK_URL !== undefined;
  if (hasReceiver !== set.WEBHOOK_SECRET.length > 0) errors.push('WEBHOOK_URL, WEBHOOK_SECRET: set both or neither');
  if (hasReceiver && new URL(set.WEBHOOK_URL ?? '').protocol === 'http:' && !set.WEBHOOK_ALLOW_PRIVATE) {
    errors.push('WEBHOOK_URL: must be https, unless WEBHOOK_ALLOW_PRIVATE=true');
  }
  if (set.SCAN !== undefined && !holdsAny(limits)) {
    errors.push('SCAN: scans held files only; set HOLD_UPLOADS=true, or hold in UPLOAD_POLICIES');
  }
  if (set.PUBLIC_BASE_URL !== undefined && holdsAny(limits)) {
    errors.push('PUBLIC_BASE_URL: a held file could be read there before it is judged; unset it, or hold no file');
  }
  if (set.PUBLIC_BASE_URL !== undefined && set.PROXY_DOWNLOADS === 'only') {
    errors.push('PROXY_DOWNLOADS: only contradicts PUBLIC_BASE_URL, where files can be read without the service');
  }
  return [...errors, ...encryptionErrors(set, store)];
}

/** S3 User Guide, "General purpose bucket naming rules". Other stores have other rules. */
function isAwsBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !isIPv4(name);
}

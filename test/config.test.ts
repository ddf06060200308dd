import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig, SETTING_NAMES } from '../src/config.ts';

const PRODUCTION = {
  NODE_ENV: 'production',
  S3_BUCKET_NAME: 'uploads',
  AWS_REGION: 'eu-central-1',
  DATABASE_URL: 'postgres://localhost/signpost',
  JWT_SECRET: 'x'.repeat(32),
};

const errorOf = (env: Record<string, string>): string => {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('parseConfig', () => {
  it('needs nothing in development', () => {
    expect(parseConfig({})).toMatchObject({ port: 3000, host: '127.0.0.1', bucket: null, allowedOrigins: ['*'] });
  });

  it('takes an empty variable as unset', () => {
    expect(parseConfig({ PORT: '', JWT_SECRET: '', S3_BUCKET_NAME: '' })).toEqual(parseConfig({}));
  });

  it('sweeps no bucket on behalf of an embedded database, which may know nothing of its files, unless told to', () => {
    const { DATABASE_URL: _, NODE_ENV: __, ...embedded } = PRODUCTION;
    expect(parseConfig(PRODUCTION).jobsIntervalSeconds).toBe(3600);
    expect(parseConfig(embedded).jobsIntervalSeconds).toBe(0);
    expect(parseConfig({ ...embedded, JOBS_INTERVAL_SECONDS: '60' }).jobsIntervalSeconds).toBe(60);
  });

  it('listens everywhere and allows no foreign origin in production', () => {
    expect(parseConfig(PRODUCTION)).toMatchObject({ production: true, host: '0.0.0.0', allowedOrigins: [] });
  });

  it.each(['S3_BUCKET_NAME', 'DATABASE_URL', 'JWT_SECRET', 'AWS_REGION'])(
    'names %s when production lacks it',
    (name) => {
      expect(errorOf({ ...PRODUCTION, [name]: '' })).toContain(name);
    },
  );

  it('names every bad variable at once, and no value', () => {
    const message = errorOf({
      PORT: '70000',
      MAX_UPLOAD_BYTES: '-1',
      UPLOAD_POLICIES: '{"secret-value"',
      DATABASE_URL: 'mysql://root:secret-value@h/db',
      S3_ENDPOINT: 'secret-value',
      SSE_MODE: 'secret-value',
    });
    for (const name of ['PORT', 'MAX_UPLOAD_BYTES', 'UPLOAD_POLICIES', 'DATABASE_URL', 'S3_ENDPOINT', 'SSE_MODE']) {
      expect(message).toContain(name);
    }
    expect(message).not.toContain('secret-value');
  });

  it.each([
    [{ JWT_SECRET: 'a', JWKS_URL: 'https://issuer.example/jwks' }, 'exactly one'],
    [{ ...PRODUCTION, JWT_SECRET: 'x'.repeat(31) }, 'at least 32 bytes'],
    [{ S3_ENDPOINT: 'https://s3.example' }, 'S3_BUCKET_NAME'],
    [{ S3_BUCKET_NAME: 'b', AWS_REGION: 'r', AWS_ACCESS_KEY_ID: 'a' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ SSE_KMS_KEY_ID: 'k' }, 'SSE_MODE'],
    [{ SSE_MODE: 'kms' }, 'S3_BUCKET_NAME'],
    [{ NODE_ENV: 'Production' }, 'NODE_ENV'],
    [{ RATE_LIMIT_PER_MINUTE: ' ' }, 'RATE_LIMIT_PER_MINUTE: must be a whole number'],
    [{ DATABASE_DRIVER: 'neon' }, 'DATABASE_URL'],
    [{ UPLOAD_POLICIES: '{"id card":{}}' }, 'UPLOAD_POLICIES'],
    [{ KEY_PREFIX: '../x/' }, 'KEY_PREFIX'],
    [{ KEY_PREFIX: 'no-slash' }, 'KEY_PREFIX'],
    [{ UPLOAD_URL_TTL_SECONDS: '604801' }, 'UPLOAD_URL_TTL_SECONDS'],
    [{ UPLOAD_POLICIES: '{"id":{"maxByte":1}}' }, 'UPLOAD_POLICIES'],
    [{ ALLOWED_CONTENT_TYPES: 'image' }, 'ALLOWED_CONTENT_TYPES'],
  ])('refuses %o', (env, expected) => {
    expect(errorOf(env)).toContain(expected);
  });

  it.each([
    'https://app.example.com',
    'http://localhost:5173',
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'chrome-extension://abcdefghijklmnop',
    'https://*.example.com',
    'https://*.example.com:8443',
    'http://*.localhost:3000',
    '*',
  ])('lets in pages of %s', (origin) => {
    expect(parseConfig({ ALLOWED_ORIGINS: `https://a.example, ${origin}` }).allowedOrigins).toEqual([
      'https://a.example',
      origin,
    ]);
  });

  it.each([
    'https://a.example/',
    'https://A.example',
    'https://a.example:443',
    'https://*',
    'https://*.com',
    'https://*.example.com:443',
    'https://app-*.example.com',
    'https://*.*.example.com',
    'https://*.10.0.0.1',
    '*.example.com',
    'capacitor://*',
    'capacitor://localhost/app',
    'file://localhost',
    'null',
    'app.example.com',
  ])('refuses %s as an origin, and says what fits', (origin) => {
    expect(errorOf({ ALLOWED_ORIGINS: origin })).toMatch(/^ALLOWED_ORIGINS: must be origins like https:\/\/app\.ex/);
  });

  it('reads limits for each document type', () => {
    const { uploadPolicies } = parseConfig({ UPLOAD_POLICIES: '{"id":{"maxBytes":10,"contentTypes":["Image/*"]}}' });
    expect(uploadPolicies.get('id')).toEqual({ maxBytes: 10, contentTypes: ['image/*'] });
    expect(uploadPolicies.get('constructor')).toBeUndefined();
  });
});

describe('.env.example', () => {
  const lines = readFileSync(new URL('../.env.example', import.meta.url), 'utf8').split('\n');
  const shown = lines.flatMap((line) => {
    const [, name, value] = /^# ([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value ?? ''] as const];
  });

  it('shows every setting exactly once and no other', () => {
    expect(shown.map(([name]) => name).sort()).toEqual([...SETTING_NAMES].sort());
  });

  it('shows the defaults that the service has', () => {
    const defaults = parseConfig({});
    const withoutDefault = new Set(
      [
        'S3_BUCKET_NAME',
        'AWS_REGION',
        'AWS_CREDENTIAL_EXPIRATION',
        'S3_ENDPOINT',
        'S3_PUBLIC_ENDPOINT',
        'KEY_PREFIX',
      ].concat(
        ['PUBLIC_BASE_URL', 'DATABASE_URL', 'DATABASE_DRIVER', 'JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'],
        ['JWT_ALGORITHMS', 'UPLOAD_POLICIES', 'ALLOWED_ORIGINS', 'AUTH_COOKIE'],
        ['QUOTA_BYTES', 'QUOTA_FILES', 'EVENTS_SNS_TOPICS'],
      ),
    );
    const env = Object.fromEntries(shown.filter(([name]) => !withoutDefault.has(name)));
    expect(parseConfig(env)).toEqual(defaults);
  });

  it('shows examples that are accepted', () => {
    const env = Object.fromEntries(shown);
    expect(parseConfig(env).bucket?.name).toBe('my-uploads');
  });
});

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig, SETTING_NAMES } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { misspeltSettings } from '../../src/config/misspelt-settings.ts';
import { SETTING_GROUPS } from '../../src/config/settings.ts';
import { PROVIDERS } from '../../src/config/store-traits.ts';

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
    expect(parseConfig({})).toMatchObject({
      server: { port: 3000, host: '127.0.0.1', allowedOrigins: ['*'] },
      bucket: null,
    });
  });

  it('treats an empty variable as unset', () => {
    expect(parseConfig({ PORT: '', JWT_SECRET: '', S3_BUCKET_NAME: '' })).toEqual(parseConfig({}));
  });

  it('does not sweep a configured bucket with an embedded database by default', () => {
    const { DATABASE_URL: _, NODE_ENV: __, ...embedded } = PRODUCTION;
    expect(parseConfig(PRODUCTION).jobs.intervalSeconds).toBe(3600);
    expect(parseConfig(embedded).jobs.intervalSeconds).toBe(0);
    expect(parseConfig({ ...embedded, JOBS_INTERVAL_SECONDS: '60' }).jobs.intervalSeconds).toBe(60);
  });

  it('listens everywhere and allows no foreign origin in production', () => {
    expect(parseConfig(PRODUCTION).server).toMatchObject({ production: true, host: '0.0.0.0', allowedOrigins: [] });
  });

  it.each(['S3_BUCKET_NAME', 'DATABASE_URL', 'JWT_SECRET', 'AWS_REGION'])(
    'names %s when production lacks it',
    (name) => {
      expect(errorOf({ ...PRODUCTION, [name]: '' })).toContain(name);
    },
  );

  it('reports invalid settings and contradictions in one message, each once', () => {
    const { DATABASE_URL: _, ...missing } = PRODUCTION;
    const message = errorOf({
      ...missing,
      PORT: 'x',
      JWT_SECRET: 'short',
      S3_ENDPOINT: 'nowhere',
      SSE_KMS_KEY_ID: 'k',
    });
    expect(message.split('\n').map((line) => line.split(':')[0])).toEqual([
      'PORT',
      'S3_ENDPOINT',
      'JWT_SECRET',
      'DATABASE_URL',
      'SSE_KMS_KEY_ID',
    ]);
    expect(errorOf({ ...PRODUCTION, DATABASE_URL: 'mysql://db' })).toBe('DATABASE_URL: must be a postgres:// URL');
  });

  it.each([
    'p@hunter2',
    'p/hunter2',
    '12/hunter2',
    'p?hunter2',
    '1?hunter2',
    'p#hunter2',
    '1#hunter2',
    'hunter2%',
    '%zzhunter2',
  ])('says that the password %s must be escaped, and shows no part of it', (password) => {
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL']) {
      const message = errorOf({ ...PRODUCTION, [name]: `postgres://app:${password}@db.internal:5432/signpost` });
      expect(message).toMatch(new RegExp(`^${name}: .*percent-encoded`));
      expect(message).not.toContain('hunter2');
    }
    const escaped = `postgres://app:${encodeURIComponent(password)}@db.internal:5432/signpost`;
    expect(parseConfig({ ...PRODUCTION, DATABASE_URL: escaped }).database.url).toBe(escaped);
  });

  it.each([
    'postgres://localhost/signpost',
    'postgresql://app:p%40ss:word@[::1]:5432/signpost?sslmode=verify-full&sslrootcert=/etc/ca.pem',
    "postgres://app:a!$&'()*+,;=~_.-@db/signpost?options=-c search_path=sign",
    'postgres://app@%2Fvar%2Frun%2Fpostgresql/signpost',
  ])('accepts %s as DATABASE_URL', (url) => {
    expect(parseConfig({ ...PRODUCTION, DATABASE_URL: url }).database.url).toBe(url);
  });

  it('names every invalid variable at once, and no value', () => {
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

  const invalid: [Record<string, string>, string][] = [
    [{ JWKS_URL: 'ftp://issuer.example/jwks' }, 'JWKS_URL: must be an http or https URL'],
    [
      { JWKS_URL: 'https://user:password@issuer.example/jwks' },
      'JWKS_URL: must be an http or https URL, without a user',
    ],
    [{ S3_ENDPOINT: 'https://key:secret@s3.example.com' }, 'S3_ENDPOINT: must be an http or https URL, without a user'],
    [{ PUBLIC_BASE_URL: 'https://cdn.example.com/?v=1' }, 'PUBLIC_BASE_URL: must be an http or https URL'],
    [{ S3_PUBLIC_ENDPOINT: 'https://s3.example.com/#files' }, 'S3_PUBLIC_ENDPOINT: must be an http or https URL'],
    [{ JWKS_URL: 'https://a.example/jwks,https://b.example/jwks' }, 'JWKS_URL: several URLs need JWT_ISSUER'],
    [{ JWT_ISSUER: 'a', JWKS_URL: 'https://a.example/1,https://a.example/2' }, 'JWKS_URL: each issuer has one URL'],
    [
      { JWT_ISSUER: 'a', JWKS_URL: 'b=https://b.example/jwks' },
      'JWKS_URL: the text before = is not an issuer in JWT_ISSUER',
    ],
    [{ JWT_ISSUER: 'a,b', JWKS_URL: 'a=https://a.example/', JWT_SECRET: 's' }, 'JWT_SECRET: JWT_ISSUER has several'],
    [{ JWT_ISSUER: 'a,b', JWKS_URL: 'https://a.example/,https://b.example/' }, 'JWKS_URL: JWT_ISSUER has several'],
    [{ JWT_ISSUER: 'a,b', JWT_SECRET: 'a=s' }, 'JWT_ISSUER: each issuer needs a key'],
    [{ ...PRODUCTION, JWT_ISSUER: 'an-issuer', JWT_SECRET: `an-issuer=${'x'.repeat(31)}` }, 'at least 32 bytes'],
    [{ JWT_SCOPES: 'read' }, 'JWT_SCOPES'],
    [{ JWT_SCOPES: 'read=files:reed' }, 'JWT_SCOPES'],
    [{ JWT_SCOPES: '=files:read' }, 'JWT_SCOPES'],
    [{ JWT_SCOPES: 'read=' }, 'JWT_SCOPES'],
    [{ JWT_SCOPES: '*=files:admin' }, 'JWT_SCOPES'],
    [{ JWT_CLOCK_TOLERANCE_SECONDS: '301' }, 'JWT_CLOCK_TOLERANCE_SECONDS'],
    [{ ...PRODUCTION, JWT_SECRET: 'x'.repeat(31) }, 'at least 32 bytes'],
    [{ S3_ENDPOINT: 'https://s3.example' }, 'S3_BUCKET_NAME'],
    [{ S3_BUCKET_NAME: 'b', AWS_REGION: 'r', AWS_ACCESS_KEY_ID: 'a' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ SSE_KMS_KEY_ID: 'k' }, 'SSE_MODE'],
    [{ SSE_MODE: 'kms' }, 'SSE_MODE: this store (S3_PROVIDER=embedded) does not support kms, only none, s3, c'],
    [{ SCAN: 'clamd://127.0.0.1' }, 'HOLD_UPLOADS'],
    [{ HOLD_UPLOADS: 'true', PUBLIC_BASE_URL: 'https://cdn.example.com' }, 'PUBLIC_BASE_URL'],
    [{ UPLOAD_POLICIES: '{"a":{"hold":true}}', PUBLIC_BASE_URL: 'https://cdn.example.com' }, 'PUBLIC_BASE_URL'],
    [{ NODE_ENV: 'Production' }, 'NODE_ENV'],
    [{ NODE_ENV: 'staging' }, 'a staging system is production too'],
    [{ HOST: 'http://localhost' }, 'HOST: must be an IP address'],
    [{ HOST: '[::1]' }, 'HOST'],
    [{ HOST: '127.0.0.1:80' }, 'HOST'],
    [{ HOST: '256.0.0.1' }, 'HOST'],
    [{ PORT: '4000', LOCAL_S3_PORT: '4000' }, 'PORT, LOCAL_S3_PORT'],
    [{ ...PRODUCTION, S3_BUCKET_NAME: 'My_Uploads' }, 'S3_BUCKET_NAME: on AWS a name has'],
    [{ ...PRODUCTION, S3_BUCKET_NAME: '192.168.5.4' }, 'S3_BUCKET_NAME'],
    [{ ...PRODUCTION, S3_BUCKET_NAME: 'arn:aws:s3:::uploads' }, 'not an ARN or a URL'],
    [{ ...PRODUCTION, AWS_REGION: 'eu_central_1' }, 'AWS_REGION: must be the name of a region'],
    [{ ...PRODUCTION, AWS_REGION: 'evil.example/' }, 'AWS_REGION'],
    [{ RATE_LIMIT_PER_MINUTE: ' ' }, 'RATE_LIMIT_PER_MINUTE: must be a whole number'],
    [{ DATABASE_DRIVER: 'neon' }, 'DATABASE_URL'],
    [{ DATABASE_DIRECT_URL: 'postgres://owner@db/signpost' }, 'DATABASE_URL'],
    [{ MIGRATE_ON_START: 'false' }, 'DATABASE_URL'],
    [{ UPLOAD_POLICIES: '{"id card":{}}' }, 'UPLOAD_POLICIES'],
    [{ KEY_PREFIX: '../x/' }, 'KEY_PREFIX'],
    [{ KEY_PREFIX: 'no-slash' }, 'KEY_PREFIX'],
    [{ UPLOAD_URL_TTL_SECONDS: '604801' }, 'UPLOAD_URL_TTL_SECONDS'],
    [{ UPLOAD_POLICIES: '{"id":{"maxByte":1}}' }, 'UPLOAD_POLICIES'],
    [{ ALLOWED_CONTENT_TYPES: 'image' }, 'ALLOWED_CONTENT_TYPES'],
  ];
  it.each(invalid.map(([env, expected]) => ({ env, expected })))('reports $expected (%#)', ({ env, expected }) => {
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
  ])('accepts the origin %s', (origin) => {
    expect(parseConfig({ ALLOWED_ORIGINS: `https://a.example, ${origin}` }).server.allowedOrigins).toEqual([
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
  ])('refuses the origin %s, and says what is accepted', (origin) => {
    expect(errorOf({ ALLOWED_ORIGINS: origin })).toMatch(/^ALLOWED_ORIGINS: must be origins like https:\/\/app\.ex/);
  });

  it('accepts the usual addresses, buckets and regions', () => {
    for (const HOST of ['0.0.0.0', '::', '::1', 'localhost', 'files.internal', 'pod-7']) {
      expect(parseConfig({ HOST }).server.host).toBe(HOST);
    }
    const store = { S3_ENDPOINT: 'https://s3.example', S3_BUCKET_NAME: 'My_Uploads', AWS_REGION: 'auto' };
    expect(parseConfig(store).bucket).toMatchObject({ name: 'My_Uploads', region: 'auto' });
    expect(parseConfig({ ...PRODUCTION, S3_BUCKET_NAME: 'my.uploads-2' }).bucket?.name).toBe('my.uploads-2');
  });

  it('signs upload ids with a secret that all instances share, and requires UPLOAD_ID_SECRET without one', () => {
    const { JWT_SECRET, ...rest } = PRODUCTION;
    const foreign = { ...rest, JWKS_URL: 'https://issuer.example/jwks' };
    const secrets = (env: Record<string, string>) => parseConfig(env).uploadIds.secrets;
    const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret key' };
    expect(secrets(PRODUCTION)).toEqual([JWT_SECRET]);
    expect(secrets({ ...foreign, ...keys })).toEqual(['secret key']);
    expect(secrets({ ...PRODUCTION, ...keys, UPLOAD_ID_SECRET: `${fresh},${old}` })).toEqual([
      fresh,
      old,
      JWT_SECRET,
      'secret key',
    ]);
    expect(secrets({ ...foreign, UPLOAD_ID_SECRET: fresh })).toEqual([fresh]);
    expect(errorOf(foreign)).toMatch(/^UPLOAD_ID_SECRET: required in production/);
    // Credentials of a role expire and differ between instances.
    expect(errorOf({ ...foreign, ...keys, AWS_SESSION_TOKEN: 't' })).toMatch(/^UPLOAD_ID_SECRET: required/);
    expect(errorOf({ ...foreign, UPLOAD_ID_SECRET: 'short' })).toBe('UPLOAD_ID_SECRET: must have at least 32 bytes');
    expect(secrets({})).toEqual([]);
  });

  it('reads limits for each document type', () => {
    const { uploadPolicies } = parseConfig({
      UPLOAD_POLICIES: '{"id":{"maxBytes":10,"contentTypes":["Image/*"]}}',
    }).limits;
    expect(uploadPolicies.get('id')).toEqual({ maxBytes: 10, contentTypes: ['image/*'] });
    expect(uploadPolicies.get('constructor')).toBeUndefined();
  });
});

describe('the store', () => {
  const storeOf = (env: Record<string, string> = {}) => parseConfig({ ...PRODUCTION, ...env }).store;

  it.each([
    [undefined, 'aws'],
    ['https://s3.eu-central-1.amazonaws.com', 'aws'],
    ['https://bucket.vpce-1a2b3c.s3.cn-north-1.vpce.amazonaws.com.cn', 'aws'],
    ['https://0123456789abcdef.r2.cloudflarestorage.com', 'r2'],
    ['https://s3.eu-central-003.backblazeb2.com', 'b2'],
    ['https://storage.googleapis.com', 'gcs'],
    ['https://s3.eu-central-1.wasabisys.com', 'wasabi'],
    ['https://s3.backblazeb2.com.example', 'other'],
    ['https://notbackblazeb2.com', 'other'],
    ['http://127.0.0.1:9000', 'other'],
  ])('at S3_ENDPOINT %s is guessed to be %s', (endpoint, provider) => {
    expect(storeOf(endpoint === undefined ? {} : { S3_ENDPOINT: endpoint })).toMatchObject({
      provider,
      isGuessed: true,
    });
  });

  it('is the embedded one without S3_BUCKET_NAME', () => {
    expect(parseConfig({}).store).toMatchObject({ provider: 'embedded', forms: true, frozenUploads: 'post' });
  });

  it('has the traits of S3_PROVIDER, overridden by other settings', () => {
    const s3Compatible = { S3_ENDPOINT: 'https://s3.example.com' };
    const b2 = { forms: false, conditionalPut: false, frozenUploads: 'all', checksums: false };
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'b2' })).toMatchObject({ ...b2, isGuessed: false });
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'b2', S3_POST_POLICY: 'true' })).toMatchObject({
      ...b2,
      forms: true,
    });
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'ceph' }).absentHeadersSigned).toBe(true);
    const own = { S3_PROVIDER: 'ceph', S3_SIGN_ABSENT_HEADERS: 'false', FREEZE_UPLOADS: 'all' };
    expect(storeOf(own)).toMatchObject({ absentHeadersSigned: false, frozenUploads: 'all', conditionalPut: true });
  });

  it('is in the table of docs/deploying.md, for every provider', () => {
    const table = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8')
      .match(/^\| `.*$/gm)
      ?.join('\n');
    for (const provider of PROVIDERS) expect(table).toContain(`\`${provider}\``);
  });

  it('must freeze uploads if they can be overwritten', () => {
    const message = 'FREEZE_UPLOADS: must be all, since this store (S3_PROVIDER=b2) has no If-None-Match on PUT';
    expect(errorOf({ ...PRODUCTION, S3_PROVIDER: 'b2', FREEZE_UPLOADS: 'post' })).toBe(message);
    expect(errorOf({ ...PRODUCTION, S3_PROVIDER: 'backblaze' })).toMatch(/^S3_PROVIDER: /);
  });
});

describe('NAME_FILE', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signpost-settings-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (text: string | Uint8Array) => {
    const path = join(folder, randomUUID());
    await writeFile(path, text);
    return path;
  };

  it('is the path of a file with the value, for any setting, without byte order mark and last line break', async () => {
    const config = parseConfig({
      ...PRODUCTION,
      DATABASE_URL: '',
      DATABASE_URL_FILE: await file('postgres://app:secret@db/signpost\n'),
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY_FILE: await file('s3cret\r\n'),
      EVENTS_SECRET_FILE: await file('\ufeff a secret with spaces '),
      PORT_FILE: await file('4000'),
    });
    expect(config.database.url).toBe('postgres://app:secret@db/signpost');
    expect(config.bucket?.credentials).toEqual({ accessKeyId: 'key', secretAccessKey: 's3cret' });
    expect(config.events).toEqual(parseConfig({ EVENTS_SECRET: ' a secret with spaces ' }).events);
    expect(config.server.port).toBe(4000);
  });

  it('names the variable and no value if the file is missing or empty, or both variables are set', async () => {
    const { JWT_SECRET: _, ...rest } = PRODUCTION;
    const secret = await file('x'.repeat(32));
    expect(errorOf({ ...rest, JWT_SECRET_FILE: join(folder, 'missing') })).toBe(
      'JWT_SECRET: the file of JWT_SECRET_FILE cannot be read (ENOENT)',
    );
    expect(errorOf({ ...rest, JWT_SECRET_FILE: folder })).toContain('JWT_SECRET_FILE cannot be read (EISDIR)');
    expect(errorOf({ ...rest, JWT_SECRET_FILE: await file('\n') })).toContain('the file of JWT_SECRET_FILE is empty');
    // Random bytes, and UTF-16 from PowerShell's >: read as UTF-8, most of it would become the same character.
    for (const bytes of [Buffer.alloc(48, 0x80), Buffer.from(`\ufeff${'x'.repeat(32)}`, 'utf16le')]) {
      const message = errorOf({ ...rest, JWT_SECRET_FILE: await file(bytes) });
      expect(message).toBe('JWT_SECRET: the file of JWT_SECRET_FILE is not text in UTF-8');
    }
    const both = errorOf({ ...PRODUCTION, JWT_SECRET_FILE: secret });
    expect(both).toBe('JWT_SECRET: is set, and so is JWT_SECRET_FILE: set only one of them');
    expect(errorOf({ PORT_FILE: await file('secret-value') })).toMatch(/^PORT: must be a whole number/);
  });
});

describe('misspeltSettings', () => {
  const hints = (env: Record<string, string>) => misspeltSettings(env, SETTING_NAMES);

  it.each([
    ['RATE_LIMIT', 'RATE_LIMIT_PER_MINUTE'],
    ['S3_BUCKET', 'S3_BUCKET_NAME'],
    ['MAX_BYTES', 'MAX_UPLOAD_BYTES'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABSAE_URL', 'DATABASE_URL'],
    ['ALLOWED_ORIGIN', 'ALLOWED_ORIGINS'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['JWT_SECRETS', 'JWT_SECRET'],
    ['JWT_SECRET_FIEL', 'JWT_SECRET_FILE'],
    ['UPLOAD_URL_TTL', 'UPLOAD_URL_TTL_SECONDS'],
    ['database_url', 'DATABASE_URL'],
    ['JWT_AUD', 'JWT_AUDIENCE'],
    ['JWT_ISS', 'JWT_ISSUER'],
    ['TRUST_PROX', 'TRUSTED_PROXIES'],
    ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
    ['DELETE_AFTER_SECS', 'DELETE_AFTER_SECONDS'],
  ])('asks whether %s is meant to be %s', (name, meant) => {
    expect(hints({ [name]: 'secret-value' })).toEqual([`${name} is not a setting; did you mean ${meant}?`]);
  });

  it('ignores settings and the variables of other programs', () => {
    const names = `PATH HOME HOSTNAME HOSTS SHELL LANG USER LOGNAME MAIL TERM PORTS POST PWD OLDPWD TZ DEBUG NO_COLOR
      NODE_VERSION NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS YARN_VERSION HTTP_PROXY HTTPS_PROXY NO_PROXY LOG_FORMAT
      AWS_PROFILE AWS_DEFAULT_REGION AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONFIG_FILE
      AWS_SHARED_CREDENTIALS_FILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CA_BUNDLE
      AWS_EXECUTION_ENV AWS_STS_REGIONAL_ENDPOINTS AWS_EC2_METADATA_DISABLED AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
      AWS_SDK_LOAD_CONFIG AWS_MAX_ATTEMPTS AWS_RETRY_MODE AWS_LAMBDA_FUNCTION_NAME DATABASE_URL_UNPOOLED DATABASE_HOST
      DATABASE_PORT DATABASE_NAME DATABASE_USER DATABASE_PASSWORD PGHOST PGHOST_UNPOOLED PGUSER PGPASSWORD PGDATABASE
      POSTGRES_URL POSTGRES_PASSWORD POSTGRES_HOST REDIS_URL KUBERNETES_PORT KUBERNETES_SERVICE_HOST SIGNPOST_PORT
      SIGNPOST_SERVICE_PORT SIGNPOST_PORT_3000_TCP_ADDR TEST_S3_ENDPOINT TEST_DATABASE_URL npm_config_cache
      npm_lifecycle_event npm_package_json INIT_CWD CI GITHUB_TOKEN GITHUB_SHA OTEL_EXPORTER_OTLP_ENDPOINT SENTRY_DSN`;
    const others = Object.fromEntries(names.split(/\s+/).map((name) => [name, 'x']));
    expect(hints({ ...others, ...PRODUCTION, JWT_SECRET_FILE: '/run/secrets/jwt' })).toEqual([]);
  });
});

describe('secrets', () => {
  const [first, second] = ['f'.repeat(32), 's'.repeat(40)];
  const valuesOf = (JWT_SECRET: string) => parseConfig({ JWT_SECRET }).auth.keys.map(({ value }) => value);

  it.each(['%s,%s', '%s, %s', '%s\n%s\n', ' %s,\n%s,'])('may be several: %j', (format) => {
    expect(valuesOf(format.replace('%s', first).replace('%s', second))).toEqual([first, second]);
  });

  it.each(['correct horse battery staple, at length', `${first},short`, ',', ` ${first} `, `${first}=,`])(
    'are one secret if a part is too short (%#)',
    (text) => {
      expect(valuesOf(text)).toEqual([text]);
    },
  );

  it('of bucket events may have 16 bytes each', () => {
    const secretsOf = (EVENTS_SECRET: string) => parseConfig({ EVENTS_SECRET }).events.secrets;
    expect(secretsOf(`${'a'.repeat(16)},${'b'.repeat(16)}`)).toEqual(['a'.repeat(16), 'b'.repeat(16)]);
    expect(secretsOf('a secret, with a comma')).toEqual(['a secret, with a comma']);
    expect(parseConfig({}).events.secrets).toEqual([]);
  });
});

describe('.env.example', () => {
  const lines = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8').split('\n');
  const shown = new Map(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = /^# ([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value] as const];
    }),
  );

  it('shows every setting', () => {
    expect([...shown.keys()].sort()).toEqual([...SETTING_NAMES].sort());
  });

  it('shows the service’s defaults, also those in words', () => {
    const ofStore = ['S3_POST_POLICY', 'FREEZE_UPLOADS', 'S3_SIGN_ABSENT_HEADERS'];
    const inWords = ['HOST', 'LOCAL_S3_PORT', 'JOBS_INTERVAL_SECONDS', ...ofStore];
    const isDefault = (name: string) =>
      inWords.includes(name) ||
      SETTING_GROUPS.some(({ settings }) => {
        const schema = settings[name];
        return schema instanceof z.ZodDefault && schema.meta()?.example === undefined;
      });
    const defaults = [...shown].filter(([name]) => isDefault(name));
    expect(defaults.length).toBeGreaterThan(30);
    expect(parseConfig(Object.fromEntries(defaults))).toEqual(parseConfig({}));
  });

  it('shows examples that are accepted', () => {
    // Some have a meaning in one mode alone: only held files are scanned, and nobody else may read those.
    const { SCAN, PUBLIC_BASE_URL, TEMPORARY_CREDENTIALS_ROLE_ARN, ...rest } = Object.fromEntries(shown);
    const ofReaders = { PUBLIC_BASE_URL, TEMPORARY_CREDENTIALS_ROLE_ARN };
    const others = { ...rest, SSE_MODE: 'kms' };
    expect(parseConfig({ ...others, ...ofReaders }).bucket?.name).toBe('my-uploads');
    expect(parseConfig({ ...others, SCAN, HOLD_UPLOADS: 'true' }).limits.scan).not.toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { errorOf, PRODUCTION } from './production-settings.ts';

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
    'postgres://app:password@localhost/signpost?host=/cloudsql/project:region:instance',
    'postgres:///signpost?host=/var/run/postgresql',
  ])('accepts %s as DATABASE_URL', (url) => {
    expect(parseConfig({ ...PRODUCTION, DATABASE_URL: url }).database.url).toBe(url);
  });

  it.each([
    [
      'postgres://app:hunter2@/signpost?host=/cloudsql/project:region:instance',
      /has no host; for a socket .*localhost/,
    ],
    ['postgres://app:hunter2@first,second/signpost', /must name one host$/],
    ['postgres://app:hunter2@first:5432,second:5432/signpost', /must name one host$/],
  ])('says what is wrong with the host of %s', (url, message) => {
    expect(errorOf({ ...PRODUCTION, DATABASE_URL: url })).toMatch(message);
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
      'JWKS_URL: must be an http or https URL, without spaces, a user',
    ],
    [{ S3_ENDPOINT: 'https://key:secret@s3.example.com' }, 'S3_ENDPOINT: must be an http or https URL, without'],
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
    [{ JWT_SCOPES: '*=files:read files:judge' }, 'JWT_SCOPES'],
    [{ JWT_SCOPES: '*=files:credentials' }, 'JWT_SCOPES'],
    [{ JWT_CLOCK_TOLERANCE_SECONDS: '301' }, 'JWT_CLOCK_TOLERANCE_SECONDS'],
    [{ ...PRODUCTION, JWT_SECRET: 'x'.repeat(31) }, 'at least 32 bytes'],
    [{ S3_ENDPOINT: 'https://s3.example' }, 'S3_BUCKET_NAME'],
    [{ S3_BUCKET_NAME: 'b', AWS_REGION: 'r', AWS_ACCESS_KEY_ID: 'a' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ SSE_KMS_KEY_ID: 'k' }, 'SSE_MODE'],
    [{ SSE_MODE: 'kms' }, 'SSE_MODE: this store (S3_PROVIDER=embedded) does not support kms, only none, s3, c'],
    [{ SCAN: 'clamd://127.0.0.1' }, 'HOLD_UPLOADS'],
    [{ HOLD_UPLOADS: 'true', PUBLIC_BASE_URL: 'https://cdn.example.com' }, 'PUBLIC_BASE_URL'],
    [{ UPLOAD_POLICIES: '{"a":{"hold":true}}', PUBLIC_BASE_URL: 'https://cdn.example.com' }, 'PUBLIC_BASE_URL'],
    [{ PROXY_DOWNLOADS: 'only', PUBLIC_BASE_URL: 'https://cdn.example.com' }, 'PROXY_DOWNLOADS: only contradicts'],
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

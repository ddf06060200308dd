import { describe, expect, it } from 'vitest';
import { SETTING_NAMES } from '../../src/config/config.ts';
import { misspeltSettings } from '../../src/config/misspelt-settings.ts';
import { PRODUCTION } from './production-settings.ts';

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

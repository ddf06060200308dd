import { parseConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';

export const PRODUCTION = {
  NODE_ENV: 'production',
  S3_BUCKET_NAME: 'uploads',
  AWS_REGION: 'eu-central-1',
  DATABASE_URL: 'postgres://localhost/signpost',
  JWT_SECRET: 'x'.repeat(32),
};

export const errorOf = (env: Record<string, string>): string => {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

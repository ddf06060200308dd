import type { Settings } from './settings.ts';

/** What cannot work on Cloudflare Workers: whatever listens, has files, or runs between requests. */
export function workerErrors(set: Settings, hasDatabase: boolean): string[] {
  const errors: string[] = [];
  const here = 'on Cloudflare Workers';
  if (set.S3_BUCKET_NAME === undefined && set.NODE_ENV !== 'production') {
    errors.push(`S3_BUCKET_NAME: required ${here}, which have no embedded bucket`);
  }
  if (!hasDatabase && set.NODE_ENV !== 'production') {
    errors.push(`DATABASE_URL: required ${here}, which have no embedded PostgreSQL`);
  }
  if (set.S3_BUCKET_NAME !== undefined && set.AWS_ACCESS_KEY_ID === undefined) {
    errors.push(`AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: required ${here}, which have no role`);
  }
  if (set.MIGRATE_ON_START)
    errors.push(`MIGRATE_ON_START: must be false ${here}; run signpost migrate when you deploy`);
  if ((set.JOBS_INTERVAL_SECONDS ?? 0) > 0) {
    errors.push(`JOBS_INTERVAL_SECONDS: must be 0 ${here}, where nothing runs between requests: use a cron trigger`);
  }
  if (set.SCAN !== undefined) errors.push(`SCAN: there is no connection to clamd ${here}; let a judge decide`);
  if (set.METRICS_PORT !== undefined) errors.push(`METRICS_PORT: nothing can listen on a port ${here}`);
  return errors;
}

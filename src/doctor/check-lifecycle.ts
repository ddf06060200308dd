import type { Config } from '../config/config.ts';
import { createS3Client } from '../storage/create-s3-client.ts';
import { planBucketSettings } from '../storage/plan-bucket-settings.ts';
import { type Check, ok, warn } from './check.ts';

/** Checks that a lifecycle rule aborts unfinished multipart uploads. */
export async function* checkLifecycle(
  config: Pick<Config, 'bucket' | 'store' | 'urls' | 'server'>,
): AsyncIterable<Check> {
  const name = 'lifecycle: unfinished uploads';
  const { bucket } = config;
  if (bucket === null) {
    yield ok(name, 'the embedded bucket has no lifecycle rules: it is for development');
    return;
  }
  const client = createS3Client(bucket);
  try {
    const settings = await planBucketSettings(client, bucket.name, { ...config, versioning: false });
    const rule = settings.find((setting) => setting.name === 'lifecycle');
    if (rule?.state === 'holds') yield ok(name, 'a rule aborts them');
    else if (rule?.state === 'differs') yield warn(name, 'no rule aborts them', 'npm run bucket:setup -- --yes');
    else if (rule !== undefined) yield warn(name, `${rule.state}: ${rule.why}`, 'check the rules in the bucket');
  } finally {
    client.destroy();
  }
}

import type { Config } from '../config/config.ts';
import { planBucketSettings } from '../storage/bucket-settings.ts';
import { createS3Client } from '../storage/create-s3-client.ts';
import { type Check, ok, warn } from './check.ts';

/** Whether a rule ends the uploads in parts that nobody finished. */
export async function* checkLifecycle(config: Config): AsyncIterable<Check> {
  const name = 'lifecycle: unfinished uploads';
  const { bucket } = config;
  if (bucket === null) {
    yield ok(name, 'the embedded bucket knows no rules, and is for development');
    return;
  }
  const client = createS3Client(bucket);
  try {
    const settings = await planBucketSettings(client, bucket.name, { ...config, versioning: false });
    const rule = settings.find((setting) => setting.name === 'lifecycle');
    if (rule?.state === 'holds') yield ok(name, 'a rule ends them');
    else if (rule?.state === 'differs') yield warn(name, 'no rule ends them', 'npm run bucket:setup -- --yes');
    else if (rule !== undefined) yield warn(name, `${rule.state}: ${rule.why}`, 'see that the bucket has such a rule');
  } finally {
    client.destroy();
  }
}

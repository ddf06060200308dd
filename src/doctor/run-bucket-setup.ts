import type { Config } from '../config/config.ts';
import { reasonOf } from '../net/reason-of.ts';
import { createS3Client } from '../storage/create-s3-client.ts';
import { planBucketSettings } from '../storage/plan-bucket-settings.ts';
import type { BucketSetting } from '../storage/plan-setting.ts';

/**
 * `npm run bucket:setup`: prints the bucket's settings and the wanted ones, and applies the difference with `apply`.
 * Settings that the store does not support are reported and skipped; other rules in the bucket stay.
 * @returns the exit code: 0 if nothing differs now, 1 if a setting differs, 2 if one could not be read or written.
 * @throws {Error} without a configured bucket, or if the bucket cannot be reached.
 */
export async function runBucketSetup(
  config: Pick<Config, 'bucket' | 'store' | 'urls' | 'server'>,
  options: { apply: boolean; versioning: boolean; print: (line: string) => void },
): Promise<0 | 1 | 2> {
  const { bucket } = config;
  const { apply, versioning, print } = options;
  if (bucket === null) throw new Error('S3_BUCKET_NAME is not set: the embedded bucket is set up at every start');
  const client = createS3Client(bucket);
  const plan = () => planBucketSettings(client, bucket.name, { ...config, versioning });
  try {
    const settings = await plan();
    for (const setting of settings) for (const line of describeSetting(setting)) print(line);
    const failed = settings.some(({ state }) => state === 'unreadable');
    const differing = settings.filter((setting) => setting.state === 'differs');
    print('');
    if (differing.length === 0) {
      print(failed ? 'nothing to change in the settings that could be read' : 'nothing to change');
      return failed ? 2 : 0;
    }
    if (!apply) {
      print('nothing was changed; to apply the differences: npm run bucket:setup -- --yes');
      return failed ? 2 : 1;
    }
    const done = new Set<string>();
    let refused = false;
    for (const { name, apply: applySetting } of differing) {
      try {
        const why = await applySetting();
        print(why === null ? `${name}: done` : `${name}: skipped, the store does not support it (${why})`);
        if (why === null) done.add(name);
      } catch (error) {
        refused = true;
        print(`${name}: failed, ${reasonOf(error)}`);
        // Without the bucket, no other setting can be applied.
        if (name === 'bucket') return 2;
      }
    }
    // Some stores accept every setting and ignore it.
    const ignored = (await plan()).filter(({ name, state }) => state === 'differs' && done.has(name));
    for (const { name } of ignored)
      print(`${name}: unchanged when read again: the store ignores the setting, or is slow to show it`);
    if (failed || refused) return 2;
    return ignored.length > 0 ? 1 : 0;
  } finally {
    client.destroy();
  }
}

function describeSetting(setting: BucketSetting): string[] {
  const { name, state } = setting;
  switch (state) {
    case 'holds':
      return [`  ${name}: as it should be`, ...setting.now.map((line) => `      ${line}`)];
    case 'differs':
      return [
        `~ ${name} should be:`,
        ...setting.now.filter((line) => !setting.wanted.includes(line)).map((line) => `    - ${line}`),
        // In their order: the first CORS rule that matches applies.
        ...setting.wanted.map((line) => `    ${setting.now.includes(line) ? ' ' : '+'} ${line}`),
      ];
    case 'left alone':
    case 'unknown to the store':
      return [`  ${name}: ${state}, ${setting.why}`];
    case 'unreadable':
      return [`! ${name}: ${state}, ${setting.why}`];
  }
}

// npm run bucket:setup -- [--yes] [--versioning]
import { parseArgs } from 'node:util';
import { runBucketSetup } from '../src/doctor/run-bucket-setup.ts';
import { run } from '../src/run.ts';

const USAGE = `usage: npm run bucket:setup -- [--yes] [--versioning]

Compares the bucket of S3_BUCKET_NAME with what the settings ask for, and prints the differences.
  --yes         makes them so; without it nothing is changed and the exit code is 2 when there are any
  --versioning  the bucket shall keep versions as well`;

await run(async (config) => {
  const { yes, versioning, help } = readFlags();
  if (help) return console.log(USAGE);
  process.exitCode = await runBucketSetup(config, { apply: yes, versioning, print: console.log });
});

function readFlags() {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { yes: flag, versioning: flag, help: flag } }).values;
  } catch {
    throw new Error(USAGE);
  }
}

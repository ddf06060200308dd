// npm run bucket:setup -- [--yes] [--versioning]
import { runBucketSetup } from '../src/doctor/run-bucket-setup.ts';
import { runCommand } from '../src/start/run.ts';

const usage = `usage: npm run bucket:setup -- [--yes] [--versioning]

Compares the bucket of S3_BUCKET_NAME with what the settings ask for, and prints the differences.
  --yes         makes them so; without it nothing is changed
  --versioning  the bucket shall keep versions as well

Exit code: 0 nothing differs any more, 1 something does, 2 something could not be read or written, 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

await runCommand({ usage, options: { yes: flag, versioning: flag } }, async (config, { values }) => {
  return runBucketSetup(config, { apply: values.yes, versioning: values.versioning, print: console.log });
});

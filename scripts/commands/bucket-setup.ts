import { runBucketSetup } from '../../src/doctor/run-bucket-setup.ts';
import { defineServiceCommand } from '../command.ts';

const usage = `usage: signpost bucket-setup [--yes] [--versioning]

Compares the bucket of S3_BUCKET_NAME with the settings, and prints the differences.
  --yes         changes the bucket to match; without it, nothing is changed
  --versioning  also turns on the bucket's versioning

Exit code: 0 no setting differs now, 1 a setting differs, 2 a setting could not be read or written,
64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

export const bucketSetupCommand = defineServiceCommand(
  { usage, options: { yes: flag, versioning: flag } },
  async (config, { values }) => {
    return runBucketSetup(config, { apply: values.yes, versioning: values.versioning, print: console.log });
  },
);

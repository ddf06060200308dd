import { createFiles } from '../../src/client/create-signpost.ts';
import { formatBytes } from '../../src/page/format.ts';
import { EXIT } from '../command.ts';
import { defineRemoteCommand, QUICK_ATTEMPTS, REMOTE_USAGE } from '../remote.ts';

const usage = `usage: signpost usage [--json]

Prints how many files and bytes the token's user has stored, and the quota.
  --json  prints the service's answer

${REMOTE_USAGE}
Exit code: 0 printed, 2 the service does not answer, 64 wrong arguments.`;

const options = { json: { type: 'boolean', default: false } } as const;

export const usageCommand = defineRemoteCommand({ usage, options }, async (service, { values: { json } }) => {
  const used = await createFiles({ ...service, maxAttempts: QUICK_ATTEMPTS }).usage();
  const of = (quota: string | null) => (quota === null ? '' : ` of ${quota}`);
  if (json) console.log(JSON.stringify(used));
  else {
    console.log(`files  ${used.files}${of(used.quotaFiles === null ? null : String(used.quotaFiles))}`);
    console.log(
      `bytes  ${formatBytes(used.bytes)}${of(used.quotaBytes === null ? null : formatBytes(used.quotaBytes))}`,
    );
  }
  return EXIT.holds;
});

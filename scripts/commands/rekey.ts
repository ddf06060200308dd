import type { Finding } from '../../src/jobs/examine-each.ts';
import { rekeyFiles } from '../../src/jobs/rekey-files.ts';
import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import { defineServiceCommand, EXIT } from '../command.ts';
import { onServices, printCounts, printFinding } from '../on-services.ts';

const usage = `usage: signpost rekey [--dry-run] [--json]

Encrypts the files again whose keys do not come from the first of SSE_C_MASTER_KEYS: copies each object onto itself
within the bucket, and changes its row. Removes nothing; it may be stopped and repeated. docs/encryption.md, "New keys"
  --dry-run  counts, and changes nothing
  --json     prints the counts as JSON, without the list of objects that keep their key

Exit code: 0 every file has its key from the first master key; 1 some have not, or, in a dry run, some are to be
encrypted again; 2 it could not read the bucket or the database; 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

export const rekeyCommand = defineServiceCommand(
  { usage, options: { 'dry-run': flag, json: flag } },
  (config, { values: { 'dry-run': dryRun, json } }) =>
    onServices(config, async (services, stopping) => {
      const report = ({ key, reasons }: Finding) => {
        if (!json) printFinding(key, reasons);
      };
      const counts = await services.exclusively(SWEEP_LEASE, (lease) =>
        rekeyFiles(services, { dryRun, report, signal: AbortSignal.any([stopping, lease.signal]) }),
      );
      if (counts === null) throw new Error('a sweep is running now: try again later');
      if (json) console.log(JSON.stringify(counts));
      else {
        printCounts(counts);
        if (dryRun) console.log('dry run: nothing was changed');
      }
      const open = counts.unverified + counts.failed + (dryRun ? counts.rekeyed : 0);
      return open > 0 ? EXIT.found : EXIT.holds;
    }),
);

import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import { defineServiceCommand, EXIT } from '../command.ts';
import { onServices, printCounts, printFinding } from '../on-services.ts';

const usage = `usage: signpost rebuild [--dry-run] [--json]

Recreates the rows of files that the database has lost, from the objects in the bucket; verifies each object as a
confirmation does. Keeps existing rows, and removes nothing. For use after a restore: docs/operating.md, "Restoring".
  --dry-run  verifies and counts, and changes nothing
  --json     prints the counts as JSON, without the list of rejected objects

Exit code: 0 every object has its row; 1 it rejected objects, or, in a dry run, found files without a row; 2 it could
not read the bucket or the database; 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

export const rebuildCommand = defineServiceCommand(
  { usage, options: { 'dry-run': flag, json: flag } },
  (config, { values: { 'dry-run': dryRun, json } }) =>
    onServices(config, async (services, stopping) => {
      const counts = await services.exclusively(SWEEP_LEASE, (lease) =>
        rebuildFiles(
          { ...services, files: services.filesWithoutQuota },
          {
            dryRun,
            signal: AbortSignal.any([stopping, lease.signal]),
            report: ({ key, reasons }) => {
              if (!json) printFinding(key, reasons);
            },
          },
        ),
      );
      if (counts === null) throw new Error('a sweep is running now: try again later');
      if (json) console.log(JSON.stringify(counts));
      else {
        printCounts(counts);
        if (dryRun) console.log('dry run: nothing was changed');
      }
      const { unverified, otherCopies, failed, made } = counts;
      const open = unverified + otherCopies + failed + (dryRun ? made : 0);
      return open > 0 ? EXIT.found : EXIT.holds;
    }),
);

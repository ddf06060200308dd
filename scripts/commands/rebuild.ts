import type { Finding } from '../../src/jobs/examine-each.ts';
import { rebindFiles } from '../../src/jobs/rebind-files.ts';
import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import type { Services } from '../../src/start/services.ts';
import { defineServiceCommand, EXIT } from '../command.ts';
import { onServices, printCounts, printFinding } from '../on-services.ts';

const usage = `usage: signpost rebuild [--moved] [--dry-run] [--json]

Recreates the rows of files that the database has lost, from the objects in the bucket; verifies each object as a
confirmation does. Keeps existing rows, and removes nothing. For use after a restore: docs/operating.md, "Restoring".
  --moved    for use after the bucket was copied to another: makes no rows, and brings the ETags and versions of the
             existing ones to those of the objects here. docs/operating.md, "Moving the bucket"
  --dry-run  verifies and counts, and changes nothing
  --json     prints the counts as JSON, without the list of rejected objects

Exit code: 0 every object has its row; 1 it rejected objects, or, in a dry run, found rows to make or to change; 2 it
could not read the bucket or the database; 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

type Options = { dryRun: boolean; signal: AbortSignal; report: (finding: Finding) => void };

/** `open` counts what is left to do. */
type Run = (services: Services, options: Options) => Promise<{ counts: Record<string, number>; open: number }>;

const rebuild: Run = async (services, options) => {
  const counts = await rebuildFiles({ ...services, files: services.filesWithoutQuota }, options);
  const { unverified, otherCopies, failed, made } = counts;
  return { counts, open: unverified + otherCopies + failed + (options.dryRun ? made : 0) };
};

const rebind: Run = async (services, options) => {
  const counts = await rebindFiles(services, options);
  return { counts, open: counts.unverified + counts.failed + (options.dryRun ? counts.rebound : 0) };
};

export const rebuildCommand = defineServiceCommand(
  { usage, options: { moved: flag, 'dry-run': flag, json: flag } },
  (config, { values: { moved, 'dry-run': dryRun, json } }) =>
    onServices(config, async (services, stopping) => {
      const report = ({ key, reasons }: Finding) => {
        if (!json) printFinding(key, reasons);
      };
      const done = await services.exclusively(SWEEP_LEASE, (lease) =>
        (moved ? rebind : rebuild)(services, { dryRun, report, signal: AbortSignal.any([stopping, lease.signal]) }),
      );
      if (done === null) throw new Error('a sweep is running now: try again later');
      if (json) console.log(JSON.stringify(done.counts));
      else {
        printCounts(done.counts);
        if (dryRun) console.log('dry run: nothing was changed');
      }
      return done.open > 0 ? EXIT.found : EXIT.holds;
    }),
);

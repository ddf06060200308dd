import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { defineServiceCommand, EXIT } from '../command.ts';
import { onServices, printCounts } from '../on-services.ts';

const usage = `usage: signpost sweep [--dry-run] [--adopt] [--json]

Sweeps bucket and database now, as the service does on its timer, and prints the counts.
  --dry-run  counts, and changes nothing
  --adopt    takes over a bucket that carries another database's marker: see docs/operating.md, "Restoring"
  --json     prints the counts as JSON

Exit code: 0 done; 1 the object of a file is gone, or an object could not be removed; 2 it could not sweep, or the
bucket belongs to another database; 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

export const sweepCommand = defineServiceCommand(
  { usage, options: { 'dry-run': flag, adopt: flag, json: flag } },
  (config, { values: { 'dry-run': dryRun, adopt, json } }) =>
    onServices(config, async (services, stopping) => {
      const showsProgress = process.stderr.isTTY === true;
      const state = await services.exclusively(SWEEP_LEASE, (lease) =>
        sweep(services, {
          dryRun,
          adopt,
          signal: AbortSignal.any([stopping, lease.signal]),
          checkLease: lease.check,
          onProgress: ({ listed }) => void (showsProgress && process.stderr.write(`\r${listed} objects checked`)),
        }),
      );
      if (showsProgress) process.stderr.write('\r\x1b[K');
      if (state === null) throw new Error('another instance is sweeping now: try again later');
      if (json) console.log(JSON.stringify(state));
      else {
        printCounts(state.counts);
        if (dryRun) console.log('dry run: nothing was changed');
        else if (state.finishedAt === null) console.log('stopped early: the next sweep continues there');
      }
      return state.counts.missing + state.counts.failed > 0 ? EXIT.found : EXIT.holds;
    }),
);

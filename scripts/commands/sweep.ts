import { fileURLToPath } from 'node:url';
import { SWEEP_LEASE } from '../../src/jobs/start-jobs.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { createServices } from '../../src/start/services.ts';
import { commandLogger, defineServiceCommand, EXIT } from '../command.ts';

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
  async (config, { values: { 'dry-run': dryRun, adopt, json } }) => {
    if (config.bucket === null || config.database.url === undefined) {
      throw new Error('it does not work on the embedded bucket and database: the service sweeps them on its timer');
    }
    const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
    const services = await createServices(config, { logger: commandLogger, migrationsFolder });
    const stopping = new AbortController();
    process.once('SIGINT', () => stopping.abort());
    try {
      const showsProgress = process.stderr.isTTY === true;
      const state = await services.exclusively(SWEEP_LEASE, (lease) =>
        sweep(services, {
          ...{ dryRun, adopt },
          signal: AbortSignal.any([stopping.signal, lease.signal]),
          checkLease: lease.check,
          onProgress: ({ listed }) => void (showsProgress && process.stderr.write(`\r${listed} objects checked`)),
        }),
      );
      if (showsProgress) process.stderr.write('\r\x1b[K');
      if (state === null) throw new Error('another instance is sweeping now: try again later');
      if (json) console.log(JSON.stringify(state));
      else {
        for (const [name, count] of Object.entries(state.counts)) console.log(`${name.padEnd(10)} ${count}`);
        if (dryRun) console.log('dry run: nothing was changed');
        else if (state.finishedAt === null) console.log('stopped early: the next sweep continues there');
      }
      return state.counts.missing + state.counts.failed > 0 ? EXIT.found : EXIT.holds;
    } finally {
      await services.close();
    }
  },
);

// npm run sweep -- [--dry-run] [--adopt] [--json]
import { fileURLToPath } from 'node:url';
import { SWEEP_LEASE } from '../src/jobs/start-jobs.ts';
import { sweep } from '../src/jobs/sweep.ts';
import { EXIT, runCommand } from '../src/start/run.ts';
import { createServices } from '../src/start/services.ts';

const usage = `usage: npm run sweep -- [--dry-run] [--adopt] [--json]

Sweeps bucket and database now, as the service does on its timer, and prints what it did.
  --dry-run  counts, and changes nothing
  --adopt    takes over a bucket whose marker is not this database's: docs/operating.md, "Restoring", says when
  --json     prints the counts for a machine to read

Exit code: 0 it is done; 1 it found files whose object is gone, or could not remove some objects; 2 it could not sweep,
or this bucket is another database's; 64 wrong arguments.`;

const flag = { type: 'boolean', default: false } as const;

await runCommand(
  { usage, options: { 'dry-run': flag, adopt: flag, json: flag } },
  async (config, { values: { 'dry-run': dryRun, adopt, json } }) => {
    if (config.bucket === null || config.database.url === undefined) {
      throw new Error('the embedded bucket and database belong to their service, which sweeps them on its timer');
    }
    const toStderr = (fields: Record<string, unknown>, message: string) =>
      console.error(message, JSON.stringify(fields));
    const logger = { error: toStderr, warn: toStderr, info: () => {}, debug: () => {} };
    const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
    const services = await createServices(config, { logger, migrationsFolder });
    const stopping = new AbortController();
    process.once('SIGINT', () => stopping.abort());
    try {
      const showsProgress = process.stderr.isTTY === true;
      const state = await services.exclusively(SWEEP_LEASE, (lease) =>
        sweep(services, {
          ...{ dryRun, adopt },
          signal: AbortSignal.any([stopping.signal, lease.signal]),
          checkLease: lease.check,
          onProgress: ({ listed }) => void (showsProgress && process.stderr.write(`\r${listed} objects looked at`)),
        }),
      );
      if (showsProgress) process.stderr.write('\r\x1b[K');
      if (state === null) throw new Error('another instance is sweeping at this moment');
      if (json) console.log(JSON.stringify(state));
      else {
        for (const [name, count] of Object.entries(state.counts)) console.log(`${name.padEnd(10)} ${count}`);
        if (dryRun) console.log('a dry run: nothing was done');
        else if (state.finishedAt === null) console.log('stopped in between: the next sweep goes on there');
      }
      return state.counts.missing + state.counts.failed > 0 ? EXIT.found : EXIT.holds;
    } finally {
      await services.close();
    }
  },
);

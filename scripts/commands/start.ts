import { defineCommand } from '../command.ts';

const usage = `usage: signpost start

Runs the service on the settings of the environment and of .env. Without any, in development, it starts an embedded
bucket and PostgreSQL, with their data in DATA_DIR (.data). Stops with SIGINT or SIGTERM, when the running requests are
answered.

Exit code: 0 stopped by a signal, 1 it could not start, 64 wrong arguments.`;

/** The program in `src/main.ts` runs while it is imported, and ends the process itself. */
export const startCommand = defineCommand({ usage }, async () => {
  await import('../../src/main.ts');
  return new Promise<never>(() => {});
});

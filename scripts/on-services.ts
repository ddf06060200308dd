import type { Config } from '../src/config/config.ts';
import { createServices, type Services } from '../src/start/services.ts';
import { commandLogger } from './command.ts';

/**
 * Runs a job of the service by hand, on a configured bucket and database.
 * @param program gets a signal that Ctrl-C aborts; its exit code is the command's.
 * @throws without a configured bucket and database: the embedded ones belong to their service.
 */
export async function onServices(
  config: Config,
  program: (services: Services, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  if (config.bucket === null || config.database.url === undefined) {
    throw new Error('it needs a configured bucket and database: it does not work on the embedded ones');
  }
  const services = await createServices(config, { logger: commandLogger });
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort(new Error('stopped; run it again to continue')));
  try {
    return await program(services, stopping.signal);
  } finally {
    await services.close();
  }
}

/** Prints each count on a line. */
export function printCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) console.log(`${name.padEnd(12)} ${count}`);
}

/** Prints an object and what is wrong with it. */
export function printFinding(key: string, reasons: readonly { path: string; message: string }[]): void {
  console.log(`${key}\n  ${reasons.map(({ path, message }) => `${path} ${message}`.trim()).join('\n  ')}`);
}

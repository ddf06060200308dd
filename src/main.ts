import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import type { Config } from './config.ts';
import { createLogger } from './create-logger.ts';
import { createApp } from './http/app.ts';
import { startJobs } from './jobs/start-jobs.ts';
import { printWelcome } from './print-welcome.ts';
import { run } from './run.ts';
import { createServices } from './services.ts';

/** How long running requests may take to end after the signal to stop. */
const DRAIN_MS = 10_000;

/** A signal this soon after the first is the same one: a terminal signals npm and the service, and npm passes it on. */
const SAME_SIGNAL_MS = 1_000;

await run(async (config: Config) => {
  const stopping = untilSignal();
  const logger = await createLogger(config.logLevel, process.stdout.isTTY === true);
  const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
  const pageFolder = fileURLToPath(new URL('../dist/demo', import.meta.url));
  const services = await createServices(config, { logger, migrationsFolder, pageFolder });
  const stopJobs = startJobs(services);
  try {
    const server = serve({ fetch: createApp(services).fetch, port: config.port, hostname: config.host });
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : config.port;
    logger.info({ host: config.host, port }, 'listening');
    if (!config.production) await printWelcome(config, port, services.now);

    logger.info({ signal: await stopping }, 'stopping');
    const closed = once(server, 'close');
    server.close();
    setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), DRAIN_MS).unref();
    await closed;
  } finally {
    await stopJobs();
    await services.close();
  }
  process.exit(0);
});

/** Resolves with the first signal to stop, also one that comes during the start. A later second one ends at once. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

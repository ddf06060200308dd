import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from './config/config.ts';
import { createApp } from './http/app.ts';
import { startServer } from './http/start-server.ts';
import { startJobs } from './jobs/start-jobs.ts';
import { createLogger } from './start/create-logger.ts';
import { printWelcome } from './start/print-welcome.ts';
import { requireFreePorts } from './start/require-free-ports.ts';
import { run } from './start/run.ts';
import { serveMetrics } from './start/serve-metrics.ts';
import { createServices } from './start/services.ts';

/**
 * A signal this soon after the first is the same one: a terminal signals both npm and the service, and npm forwards it.
 */
const SAME_SIGNAL_MS = 1_000;

await run(async (config: Config) => {
  const signalled = untilSignal();
  const stopping = new AbortController();
  await requireFreePorts(config);
  const logger = await createLogger(config.server.logLevel, process.stdout.isTTY === true);
  const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
  const pageFolder = fileURLToPath(new URL('../dist/page', import.meta.url));
  const services = await createServices(config, { logger, migrationsFolder, pageFolder, stopping: stopping.signal });
  const stopJobs = startJobs(services);
  try {
    const metricsServer = await serveMetrics(services);
    const server = await startServer(createApp(services).fetch, config.server);
    logger.info({ host: config.server.host, port: server.port }, 'listening');
    if (!config.server.production) await printWelcome(config, server.port, services);

    logger.info({ signal: await signalled }, 'stopping');
    stopping.abort();
    await sleep(config.server.shutdownDelaySeconds * 1000);
    await Promise.all([server.stop(), metricsServer?.stop()]);
  } finally {
    await stopJobs();
    await services.close();
  }
  process.exit(0);
});

/** Resolves with the first stop signal, also one during the start. A later second signal exits at once. */
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

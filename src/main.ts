import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from './http/start-server.ts';
import { createSignpost, settingsFrom } from './index.ts';
import { createLogger } from './start/create-logger.ts';
import { printWelcome } from './start/print-welcome.ts';
import { providePostgres } from './start/provide-postgres.ts';
import { requireFreePorts } from './start/require-free-ports.ts';
import { run } from './start/run.ts';

/**
 * A signal this soon after the first is the same one: a terminal signals both npm and the service, and npm forwards it.
 */
const SAME_SIGNAL_MS = 1_000;

await run(async (config) => {
  const signalled = untilSignal();
  const stopping = new AbortController();
  await requireFreePorts(config);
  const logger = await createLogger(config.server.logLevel, process.stdout.isTTY === true);
  await providePostgres(config, logger);
  const settings = { ...settingsFrom(process.env), LOCAL_S3_PORT: config.local.s3Port };
  const signpost = createSignpost({ settings, logger, stopping: stopping.signal, page: true });
  try {
    const { bucketOrigin } = await signpost.ready();
    const server = await startServer(signpost.fetch, config.server);
    logger.info({ host: config.server.host, port: server.port }, 'listening');
    if (!config.server.production) await printWelcome(config, server.port, bucketOrigin);

    logger.info({ signal: await signalled }, 'stopping');
    stopping.abort();
    await sleep(config.server.shutdownDelaySeconds * 1000);
    await server.stop();
  } finally {
    await signpost.close();
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

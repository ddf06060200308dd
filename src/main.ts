import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config/config.ts';
import { settingsFrom } from './config/given-settings.ts';
import type { Logger } from './contract/logger.ts';
import { answerWhileStarting } from './http/answer-while-starting.ts';
import type { Signpost, SignpostOptions } from './index.ts';
import {
  listenToKeeper,
  type Place,
  readPlace,
  requireShareable,
  settingsOfProcess,
} from './start/processes/service-process.ts';
import { providePostgres } from './start/provide-postgres.ts';
import { requireFreePorts } from './start/require-free-ports.ts';
import { run } from './start/run.ts';

/**
 * A signal this soon after the first is the same one: a terminal signals both npm and the service, and npm forwards it.
 */
const SAME_SIGNAL_MS = 1_000;

/** How long a start may take to end when it is no longer wanted, before the process ends anyway. */
const STARTED_WITHIN_MS = 2_000;

/** The environment without `.env`: each of several processes reads that file itself. */
const given = { ...process.env };
const place = readPlace(given);

await run(async (config) => {
  const signalled = untilSignal();
  if (place !== null) await serveInPlace(config, place, signalled);
  else if (config.server.processes > 1) await serveByProcesses(config, signalled);
  else await serveAlone(config, signalled);
  process.exit(0);
});

async function serveAlone(config: Config, signalled: Promise<NodeJS.Signals>): Promise<void> {
  await requireFreePorts(config);
  await serve(config.server, {
    prepare: async () => {
      const logger = await openLog(config);
      await providePostgres(config, logger);
      return logger;
    },
    options: { settings: { ...settingsFrom(process.env), LOCAL_S3_PORT: config.local.s3Port } },
    asked: signalled,
    listensFirst: true,
    begin: async (signpost, port) => {
      const { bucketOrigin } = await signpost.ready();
      await welcome(config, port, bucketOrigin);
    },
  });
}

/** Starts and keeps the processes that serve (`serveInPlace`). */
async function serveByProcesses(config: Config, signalled: Promise<NodeJS.Signals>): Promise<void> {
  requireShareable(config);
  await requireFreePorts(config);
  const logger = await openLog(config);
  const { keepProcesses } = await import('./start/processes/keep-processes.ts');
  await keepProcesses({
    config,
    logger,
    signalled,
    // undefined takes the variables of `.env` away again.
    env: Object.fromEntries(Object.keys(process.env).map((name) => [name, given[name]])),
    // The last argument is for the embedded bucket, which several processes cannot use.
    onServing: (port) => welcome(config, port, ''),
    onRestart: (listener) => process.on('SIGHUP', listener),
  });
}

/** Serves as one of several processes. */
async function serveInPlace(config: Config, at: Place, signalled: Promise<NodeJS.Signals>): Promise<void> {
  // A terminal that is closed signals all processes. The keeper replaces them one by one.
  process.on('SIGHUP', () => {});
  const { default: cluster } = await import('node:cluster');
  const keeper = cluster.worker === undefined ? null : listenToKeeper(cluster.worker);
  await serve(
    { ...config.server, host: at.host, port: at.port },
    {
      prepare: async () => {
        const logger: Logger = (await openLog(config)).child({ process: at.number });
        return logger;
      },
      options: { settings: { ...settingsFrom(process.env), ...settingsOfProcess(config, at) }, metrics: at.hasMetrics },
      asked: keeper === null ? signalled : Promise.race([signalled, keeper.asked]),
      listensFirst: at.isFirst,
      begin: async (signpost, port) => {
        await keeper?.tellServing(port);
        if (keeper === null || !at.hasMetrics) return;
        const tellMetrics = keeper.shareMetrics(signpost.metrics);
        await tellMetrics();
        return tellMetrics;
      },
    },
  );
  await keeper?.leave();
}

type Serving = {
  /** Called before the service is loaded. */
  prepare: () => Promise<Logger>;
  options: SignpostOptions;
  /** Resolves with the reason to stop. */
  asked: Promise<NodeJS.Signals | 'stop' | 'replace'>;
  /**
   * Whether it listens before it has started: see `answerWhileStarting`. Of several processes only the first does:
   * beside the others, which answer meanwhile.
   */
  listensFirst: boolean;
  /** Called when the service has started; what it returns is called after the last answer. */
  begin: (signpost: Signpost, port: number) => Promise<(() => Promise<void>) | undefined>;
};

/** Serves, and resolves when everything is stopped. */
async function serve(
  server: Config['server'],
  { prepare, options, asked, listensFirst, begin }: Serving,
): Promise<void> {
  // Loaded here, because the process that keeps others does not need it.
  const { startServer } = await import('./http/start-server.ts');
  const { fetch, handOver } = answerWhileStarting();
  const early = listensFirst ? await startServer(fetch, server) : null;
  const logger = await prepare();
  await untilAnswered();
  const { createSignpost } = await import('./index.ts');
  await untilAnswered();
  const stopping = new AbortController();
  const signpost = createSignpost({ ...options, logger, stopping: stopping.signal, page: true });
  const unwanted = await Promise.race([signpost.ready().then(() => null), asked]);
  if (unwanted !== null) {
    logger.info({ signal: unwanted }, 'stopping before it has started');
    // A migration may take hours. The next start repeats it, as after a crash.
    await Promise.race([signpost.close(), sleep(STARTED_WITHIN_MS)]);
    return;
  }
  try {
    handOver(signpost.fetch);
    const running = early ?? (await startServer(signpost.fetch, server));
    logger.info({ host: server.host, port: running.port }, 'listening');
    const end = await begin(signpost, running.port);

    const reason = await asked;
    logger.info({ signal: reason }, 'stopping');
    // While its successor serves, the service as a whole does not stop.
    if (reason !== 'replace') {
      stopping.abort();
      await sleep(server.shutdownDelaySeconds * 1000);
    }
    await running.stop({ isReplaced: reason === 'replace' });
    await end?.();
  } finally {
    await signpost.close();
  }
}

/** Node 24 answers nothing while it loads modules. What has arrived meanwhile is accepted, read and answered now. */
async function untilAnswered(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await setImmediate();
}

/** In development, says what to try. */
async function welcome(config: Config, port: number, bucketOrigin: string): Promise<void> {
  if (config.server.production) return;
  const { printWelcome } = await import('./start/print-welcome.ts');
  await printWelcome(config, port, bucketOrigin);
}

async function openLog({ server }: Config) {
  const { createLogger } = await import('./start/create-logger.ts');
  return createLogger(server.logLevel, process.stdout.isTTY === true);
}

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

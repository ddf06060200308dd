import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { GivenSettings } from '../../config/given-settings.ts';

/** The variable that makes a process one of several, which `keepProcesses` has started. */
export const PLACE_VARIABLE = 'SIGNPOST_PROCESS';

/**
 * What all processes of one service share, even if the settings change meanwhile; the number of this one; and whether
 * it is started before any other serves.
 */
export type Place = {
  processes: number;
  host: string;
  port: number;
  hasMetrics: boolean;
  number: number;
  isFirst: boolean;
};

/** From the keeper: to stop with the whole service, to leave the port to a successor, or to tell the metrics. */
export type ToProcess = 'stop' | 'replace' | 'metrics';

/** To the keeper: the port, when it serves; the metrics in Prometheus's text format. */
export type FromProcess = { port: number } | { metrics: string };

/** Whether a message is one of these: a module that is loaded before the service (PM2, an agent) may send others. */
export function isFromProcess(message: unknown): message is FromProcess {
  if (typeof message !== 'object' || message === null) return false;
  return 'port' in message
    ? typeof message.port === 'number'
    : 'metrics' in message && typeof message.metrics === 'string';
}

/** null: this process is the only one, or the keeper of others. */
export function readPlace(env: Readonly<Record<string, string | undefined>>): Place | null {
  const text = env[PLACE_VARIABLE];
  return text === undefined ? null : JSON.parse(text);
}

/**
 * The settings of one of several processes: its share of what is set for all together.
 * @throws {ConfigError} if there is too little to share.
 */
export function settingsOfProcess(config: SharedConfig, { processes }: Place): GivenSettings {
  return {
    DATABASE_MAX_CONNECTIONS: connectionsOfProcess(config, processes),
    // The keeper serves them.
    METRICS_PORT: undefined,
  };
}

type SharedConfig = Pick<Config, 'server' | 'bucket' | 'database'>;

/**
 * Checks what only several processes need.
 * @throws {ConfigError} naming the settings.
 */
export function requireShareable(config: SharedConfig): void {
  if (config.bucket === null || config.database.isEmbedded) {
    throw new ConfigError(
      'WEB_CONCURRENCY: more than 1 needs S3_BUCKET_NAME and DATABASE_URL; the embedded bucket and database serve ' +
        'one process',
    );
  }
  connectionsOfProcess(config, config.server.processes);
}

function connectionsOfProcess({ database: { maxConnections } }: SharedConfig, processes: number): number {
  if (maxConnections >= processes) return Math.floor(maxConnections / processes);
  throw new ConfigError(
    `DATABASE_MAX_CONNECTIONS, WEB_CONCURRENCY: ${maxConnections} connections are too few for ${processes} processes`,
  );
}

/** How long a process that ends waits for its keeper's last word. */
const LEFT_WITHIN_MS = 5_000;

/** The process's side of the conversation with its keeper. */
export function listenToKeeper(worker: Worker) {
  let ask: (why: 'stop' | 'replace') => void = () => {};
  const asked = new Promise<'stop' | 'replace'>((resolve) => {
    ask = resolve;
  });
  let tellMetrics = async (): Promise<void> => {};
  // Resolves also if the keeper is gone.
  const tell = (message: FromProcess) => new Promise((resolve) => worker.send(message, resolve));
  // Such a module may be in the keeper as well.
  worker.on('message', (message: unknown) => {
    if (message === 'metrics') void tellMetrics();
    else if (message === 'stop' || message === 'replace') ask(message);
  });
  return {
    /** Resolves when the keeper wants this process to end. */
    asked,
    /** Tells the keeper that this process serves. */
    tellServing: (port: number) => tell({ port }),
    /**
     * Ends the conversation; call it when the port is closed. The keeper may have handed over a connection before it
     * knew that, and if the process had ended by then, nobody would answer it. Node's cluster gives such a connection
     * to another process, and confirms the end after the last one.
     */
    leave: async (): Promise<void> => {
      if (!worker.isConnected()) return;
      const left = once(worker, 'disconnect', { signal: AbortSignal.timeout(LEFT_WITHIN_MS) });
      worker.disconnect();
      await left.catch(() => {});
    },
    /** Sends the metrics whenever the keeper asks for them, and once more when the returned function is called. */
    shareMetrics: (read: () => Promise<{ text: string }>): (() => Promise<void>) => {
      tellMetrics = async () => {
        const { text: metrics } = await read();
        await tell({ metrics });
      };
      return tellMetrics;
    },
  };
}

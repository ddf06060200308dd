import { parseConfig } from './config/config.ts';
import { createApp } from './http/app.ts';
import { runJobs, startJobs } from './jobs/start-jobs.ts';
import { consoleLogger } from './start/console-logger.ts';
import { createCalls } from './start/create-calls.ts';
import type { Calls, TicketRequest } from './start/library-calls.ts';
import { makeTicket } from './start/make-ticket.ts';
import { packageFolder } from './start/package-folder.ts';
import { createServices, type Services } from './start/services.ts';
import { environmentOf, requireOptions, type SignpostOptions } from './start/signpost-options.ts';
import { createMetrics, NO_METRICS } from './telemetry/create-metrics.ts';

export type { Authorization as Caller, Authorize } from './auth/authorize.ts';
export type { FileChange, FilePage, Limits, StoredFile as File, UrlOptions, Usage } from './client/stored-file.ts';
export type { CallerLimits } from './config/caller-limits.ts';
export { ConfigError } from './config/config-error.ts';
export { type GivenSettings as SignpostSettings, settingsFrom } from './config/given-settings.ts';
export { Problem, type ProblemCode } from './contract/errors.ts';
export type { Logger } from './contract/logger.ts';
export type { Scope } from './contract/scopes.ts';
export type {
  Calls,
  Confirmation,
  DownloadRequest,
  FileVerdict,
  HeldFilePage,
  HeldQuery,
  ListQuery,
  PresignedDownload,
  PresignedPart,
  PresignedUpload,
  TicketRequest,
  UploadRequest,
  VerdictRequest,
} from './start/library-calls.ts';
export type { SignpostOptions } from './start/signpost-options.ts';
export type { ConfirmedBy, OnConfirmed } from './uploads/tell-confirmed.ts';

export type Signpost = Calls & {
  /**
   * Answers a request of the HTTP API (`docs/api.md`).
   * @param env what `@hono/node-server` hands over; the client's address is read from it.
   */
  fetch: (request: Request, env?: object) => Promise<Response>;
  /**
   * Opens bucket, database and jobs now, not with the first call. After a failure, the next call tries again.
   * @returns the origin that pages upload to, for `connect-src` of a Content Security Policy.
   * @throws as `createServices`: a port is taken, credentials are missing, a migration fails.
   */
  ready: () => Promise<{ bucketOrigin: string }>;
  /**
   * Runs all jobs once: the sweep and the seals of the audit log. For schedulers, with `JOBS_INTERVAL_SECONDS: 0`.
   * @throws the first failure, when all have run; each is logged.
   */
  runJobs: () => Promise<void>;
  /**
   * The metrics of this instance in Prometheus's text format (`docs/monitoring.md`), for a route of your app.
   * @throws {Error} without the option `metrics`.
   * @example
   * app.get('/metrics', async () => {
   *   const { contentType, text } = await signpost.metrics();
   *   return new Response(text, { headers: { 'content-type': contentType } });
   * });
   */
  metrics: () => Promise<{ contentType: string; text: string }>;
  /**
   * Makes a ticket: a token with limits of its own, for a guest's link (`docs/tickets.md`). Signed with the first
   * `JWT_SECRET`. Its scope is `files:write` unless `scopes` says otherwise.
   * @throws {TypeError} for a request that is not valid.
   * @throws {Error} without a `JWT_SECRET`, and with `authorize`, which decides in place of tokens.
   * @example
   * const limits = { recordId: 'case-42', maxFiles: 3, contentTypes: ['image/*'], maxBytes: 10_000_000 };
   * const token = await signpost.ticket({ userId: 'alice', limits, ttlSeconds: 86_400 });
   */
  ticket: (request: TicketRequest) => Promise<string>;
  /**
   * Waits for what still runs after the answers: rows of the audit log, the marker in the bucket. For platforms that
   * stop the process in between; `signpost/lambda` and `signpost/worker` do it. Never throws.
   */
  settled: () => Promise<void>;
  /** Waits for what runs, and closes what was opened. Later calls fail. */
  close: () => Promise<void>;
};

/**
 * The service as a part of an app: the same routes, checks and jobs as the program has. Nothing is opened before the
 * first call, so that a build may import the module. Several instances in one process do not affect each other.
 * @throws {ConfigError} naming every option that is wrong, else every setting that is missing, malformed or contradicts
 * another.
 * @example
 * const signpost = createSignpost({
 *   settings: settingsFrom(process.env),
 *   authorize: async (request) => {
 *     const session = await getSession(request);
 *     return session && { userId: session.user.id };
 *   },
 * });
 * app.mount('/uploads', signpost.fetch);
 */
export function createSignpost(options: SignpostOptions = {}): Signpost {
  requireOptions(options);
  const { authorize, onConfirmed, basePath, database, logger = consoleLogger } = options;
  const { page = false, metrics = false } = options;
  const pool = typeof database === 'string' ? undefined : database;
  const config = parseConfig(environmentOf(options, process.env.NODE_ENV), {
    authorize: authorize !== undefined,
    database: pool !== undefined,
  });
  const closing = new AbortController();
  const stopping = AbortSignal.any([closing.signal, ...(options.stopping ? [options.stopping] : [])]);

  const openParts = async () => {
    const services = await createServices(config, {
      logger,
      authorize,
      onConfirmed,
      basePath,
      pool,
      stopping,
      ...(metrics && { metrics: await createMetrics() }),
      ...(page && { pageFolder: packageFolder('dist/page') }),
    });
    try {
      const metricsServer = await serveMetricsOf(services);
      return { services, app: createApp(services), stopJobs: startJobs(services), metricsServer };
    } catch (error) {
      await services.close();
      throw error;
    }
  };
  let parts: ReturnType<typeof openParts> | null = null;
  const open = async () => {
    if (closing.signal.aborted) throw new Error('this Signpost is closed');
    parts ??= openParts();
    const opening = parts;
    return opening.catch((error: unknown) => {
      if (parts === opening) parts = null;
      throw error;
    });
  };

  return {
    ...createCalls(async () => (await open()).services),
    fetch: async (request, bindings) => (await open()).app.fetch(request, bindings),
    ready: async () => {
      const { protocol, host } = (await open()).services.endpoint;
      return { bucketOrigin: `${protocol}//${host}` };
    },
    ticket: async (request) => makeTicket((await open()).services, request),
    runJobs: async () => runJobs((await open()).services, closing.signal),
    metrics: async () => {
      const counted = (await open()).services.metrics;
      if (counted === NO_METRICS) throw new Error('metrics: nothing is counted without this option, or METRICS_PORT');
      return counted.text();
    },
    settled: async () => {
      const opened = await parts?.catch(() => null);
      await opened?.services.settled();
    },
    close: async () => {
      closing.abort();
      const opened = await parts?.catch(() => null);
      await Promise.all([opened?.stopJobs(), opened?.metricsServer?.stop()]);
      await opened?.services.close();
    },
  };
}

/** Loaded only if it is needed: it has an HTTP server of Node. */
async function serveMetricsOf(services: Services) {
  if (services.config.server.metricsPort === null) return null;
  return (await import('./start/serve-metrics.ts')).serveMetrics(services);
}

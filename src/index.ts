import { fileURLToPath } from 'node:url';
import type { Authorize } from './auth/authorize.ts';
import { ConfigError, parseConfig } from './config/config.ts';
import { type GivenSettings, toEnvironment } from './config/given-settings.ts';
import { createApp } from './http/app.ts';
import type { Logger } from './http/observe.ts';
import { runJobs, startJobs } from './jobs/start-jobs.ts';
import { type Calls, createCalls } from './start/calls.ts';
import { consoleLogger } from './start/console-logger.ts';
import { createServices } from './start/services.ts';
import type { OnConfirmed } from './uploads/tell-confirmed.ts';

export type { Authorization, Authorize } from './auth/authorize.ts';
export type { CallerLimits } from './config/caller-limits.ts';
export { ConfigError } from './config/config.ts';
export { type GivenSettings, settingsFrom } from './config/given-settings.ts';
export { Problem, type ProblemCode } from './contract/errors.ts';
export type { File } from './files/to-file.ts';
export type { Logger } from './http/observe.ts';
export type { Calls } from './start/calls.ts';
export type { ConfirmedBy, OnConfirmed } from './uploads/tell-confirmed.ts';

export type SignpostOptions = {
  /**
   * The settings of `docs/settings.md`. `settingsFrom(process.env)` reads them; without any, in development, the
   * embedded bucket and PostgreSQL are started, with their data in `DATA_DIR`. `NODE_ENV` is the process's if it is not
   * among them.
   */
  settings?: GivenSettings | undefined;
  /** Decides who a request comes from, in place of a JWT. Default: a JWT, by the settings `JWT_…`. */
  authorize?: Authorize | undefined;
  /** Called with every confirmed file, before the answer. */
  onConfirmed?: OnConfirmed | undefined;
  /**
   * Where the service is mounted, like `/api/uploads`: left out of every path that begins with it. Not needed behind
   * a router that leaves it out itself, as Hono's `app.mount` and Express's `app.use` do.
   */
  basePath?: string | undefined;
  /** Default: warnings and errors on the console. */
  logger?: Logger | undefined;
};

export type Signpost = Calls & {
  /**
   * Answers a request of the HTTP API (`docs/api.md`).
   * @param env what `@hono/node-server` hands over; the client's address is read from it.
   */
  fetch: (request: Request, env?: object) => Promise<Response>;
  /** Runs all jobs once: the sweep and the seals of the audit log. For schedulers, with `JOBS_INTERVAL_SECONDS=0`. */
  runJobs: () => Promise<void>;
  /** Waits for what runs, and closes what was opened. A database that was given stays open. */
  close: () => Promise<void>;
};

/**
 * The service as a part of an app: the same routes, checks and jobs as the program has. Any number of instances in one
 * process keep out of each other's way.
 * @throws {ConfigError} naming every setting or option that is missing, malformed or contradicts another; and as
 * `createServices` does.
 * @example
 * const signpost = await createSignpost({
 *   settings: settingsFrom(process.env),
 *   authorize: async (request) => {
 *     const session = await getSession(request);
 *     return session && { userId: session.user.id };
 *   },
 * });
 * app.mount('/uploads', signpost.fetch);
 */
export async function createSignpost(options: SignpostOptions = {}): Promise<Signpost> {
  requireOptions(options);
  const { settings = {}, authorize, onConfirmed, basePath, logger = consoleLogger } = options;
  const { NODE_ENV } = process.env;
  const env = { ...(NODE_ENV === undefined ? {} : { NODE_ENV }), LOCAL_S3_PORT: '0', ...toEnvironment(settings) };
  const config = parseConfig(env, { authorize: authorize !== undefined });
  const stopping = new AbortController();
  const services = await createServices(config, {
    ...{ logger, authorize, onConfirmed, basePath, stopping: stopping.signal },
    migrationsFolder: fileURLToPath(new URL('../drizzle', import.meta.url)),
  });
  const app = createApp(services);
  const stopJobs = startJobs(services);
  return {
    ...createCalls(services),
    fetch: async (request, bindings) => app.fetch(request, bindings),
    runJobs: () => runJobs(services, stopping.signal),
    close: async () => {
      stopping.abort();
      await stopJobs();
      await services.close();
    },
  };
}

const OPTIONS: Record<keyof SignpostOptions, (value: unknown) => boolean> = {
  settings: (value) => typeof value === 'object' && value !== null,
  authorize: (value) => typeof value === 'function',
  onConfirmed: (value) => typeof value === 'function',
  basePath: (value) => typeof value === 'string' && /^(\/[^/?#%]+)+$/.test(value),
  logger: (value) =>
    typeof value === 'object' && value !== null && ['error', 'warn', 'info', 'debug'].every((level) => level in value),
};

const MUST_BE: Record<keyof SignpostOptions, string> = {
  settings: 'an object of settings: settingsFrom(process.env)',
  authorize: 'a function',
  onConfirmed: 'a function',
  basePath: 'a path like /api/uploads',
  logger: 'an object with the functions error, warn, info and debug',
};

/** Callers without types are told, too. */
function requireOptions(options: SignpostOptions): void {
  const wrong = Object.entries(options).flatMap(([name, value]) => {
    const isKnown = (known: string): known is keyof SignpostOptions => Object.hasOwn(OPTIONS, known);
    if (!isKnown(name)) return [`${name} is not an option; there are ${Object.keys(OPTIONS).join(', ')}`];
    return value === undefined || OPTIONS[name](value) ? [] : [`${name} must be ${MUST_BE[name]}`];
  });
  if (wrong.length > 0) throw new ConfigError(wrong.join('\n'));
}

import type { Authorize } from '../auth/authorize.ts';
import { ConfigError } from '../config/config-error.ts';
import { type GivenSettings, toEnvironment } from '../config/given-settings.ts';
import type { Logger } from '../contract/logger.ts';
import { type GivenPool, isGivenPool } from '../db/given-pool.ts';
import { ON_WORKERS } from '../net/on-workers.ts';
import type { OnConfirmed } from '../uploads/tell-confirmed.ts';

export type SignpostOptions = {
  /**
   * The settings of `docs/settings.md`. `settingsFrom` reads them from an environment; without any, in development, the
   * embedded bucket and PostgreSQL are started, with their data in `DATA_DIR`. `NODE_ENV` is the process's if it is not
   * among them.
   */
  settings?: GivenSettings | undefined;
  /**
   * The database: a `postgres://` URL, in place of `DATABASE_URL`, or the app's own `Pool` of `pg` or of
   * `@neondatabase/serverless`, which is never closed. It must be a database of the service's own, or its login must
   * have a `search_path` of its own; see `docs/library.md` for what the login may do.
   */
  database?: string | GivenPool | undefined;
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
  /** Abort it when the app is about to stop: `/readyz` then answers 503, everything else as before. */
  stopping?: AbortSignal | undefined;
  /** Whether to serve the page at `/`: in development, at the root of an origin. Default false. */
  page?: boolean | undefined;
  /** Whether to count for `metrics()`. Default: if `METRICS_PORT` is set. */
  metrics?: boolean | undefined;
};

type Rule = { isValid: (value: unknown) => boolean; form: string };

/** Not a promise: it has no entries, and would be taken for no options or settings. */
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Promise);
const aBoolean: Rule = { isValid: (value) => typeof value === 'boolean', form: 'true or false' };
const isFunction = (value: unknown) => typeof value === 'function';
const aFunction: Rule = { isValid: isFunction, form: 'a function' };

const RULES: Readonly<Record<keyof SignpostOptions, Rule>> = {
  settings: { isValid: isObject, form: 'an object of settings, as settingsFrom gives' },
  database: {
    isValid: (value) => typeof value === 'string' || isGivenPool(value),
    form: 'a postgres:// URL, or a Pool of pg or of @neondatabase/serverless (not a Client, not neon())',
  },
  authorize: aFunction,
  onConfirmed: aFunction,
  basePath: {
    isValid: (value) => typeof value === 'string' && /^(\/[^/?#%]+)+$/.test(value),
    form: 'a path like /api/uploads',
  },
  logger: {
    isValid: (value) =>
      isObject(value) && ['error', 'warn', 'info', 'debug'].every((level) => isFunction(Reflect.get(value, level))),
    form: 'an object with the functions error, warn, info and debug',
  },
  stopping: { isValid: (value) => value instanceof AbortSignal, form: 'an AbortSignal' },
  page: aBoolean,
  metrics: aBoolean,
};

/**
 * Checks the options of `createSignpost`, for callers without types.
 * @throws {ConfigError} naming every option that is unknown or has a wrong form.
 */
export function requireOptions(options: SignpostOptions): void {
  if (!isObject(options)) throw new ConfigError('the options must be an object');
  const rules = new Map<string, Rule>(Object.entries(RULES));
  const wrong = Object.entries(options).flatMap(([name, value]) => {
    const rule = rules.get(name);
    if (rule === undefined) return [`${name} is not an option; there are ${[...rules.keys()].join(', ')}`];
    return value === undefined || rule.isValid(value) ? [] : [`${name} must be ${rule.form}`];
  });
  if (wrong.length > 0) throw new ConfigError(wrong.join('\n'));
}

/** There, nothing runs between requests, and an app does not set `NODE_ENV`. */
const WORKER_DEFAULTS = { NODE_ENV: 'production', MIGRATE_ON_START: 'false', JOBS_INTERVAL_SECONDS: '0' };

/**
 * The settings among the options, as an environment has them.
 * @param nodeEnv the process's `NODE_ENV`, for options without one: in production, the library must not start anything
 * embedded only because its settings lack `NODE_ENV`.
 * @throws {ConfigError} naming what is not a setting, or is given twice.
 */
export function environmentOf({ settings = {}, database }: SignpostOptions, nodeEnv: string | undefined) {
  const given = toEnvironment(settings);
  if (typeof database === 'string' && given.DATABASE_URL !== undefined) {
    throw new ConfigError('database, DATABASE_URL: give one of them');
  }
  return {
    ...(ON_WORKERS && WORKER_DEFAULTS),
    ...(nodeEnv !== undefined && { NODE_ENV: nodeEnv }),
    // The port after PORT may be taken: PORT is the app's here.
    LOCAL_S3_PORT: '0',
    ...(typeof database === 'string' && { DATABASE_URL: database }),
    ...given,
  };
}

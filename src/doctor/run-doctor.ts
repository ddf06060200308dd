import type { Config } from '../config/config.ts';
import { newUuidV7 } from '../contract/new-uuid-v7.ts';
import { migrateDatabase } from '../db/migrate-database.ts';
import { codeOf, reasonOf } from '../net/reason-of.ts';
import { type Closers, startEmbeddedDatabase } from '../start/open-database.ts';
import { openStorage } from '../start/open-storage.ts';
import { lockEmbedded } from '../start/services.ts';
import { createIdSigner } from '../uploads/id-signer.ts';
import { type Check, fail, ok, unreachable } from './check.ts';
import { checkAccess } from './check-access.ts';
import { checkCors } from './check-cors.ts';
import { checkDatabase } from './check-database.ts';
import { checkForm } from './check-form.ts';
import { checkLifecycle } from './check-lifecycle.ts';
import { checkObjects } from './check-objects.ts';
import { checkParts } from './check-parts.ts';
import { checkPut } from './check-put.ts';
import { checkScanner } from './check-scanner.ts';
import { checkSessions } from './check-sessions.ts';
import { checkStore } from './check-store.ts';
import { checkSweeper } from './check-sweeper.ts';
import { checkTokenKey } from './check-token-key.ts';
import { checkWebhooks } from './check-webhooks.ts';
import { openTrial } from './open-trial.ts';

type DoctorOptions = {
  now: () => Date;
  /** Stops the checks; their objects are still removed. */
  signal: AbortSignal;
  /** Called with each check as soon as it is made. */
  report: (check: Check) => void;
};

const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

const STOP_FIRST = 'stop the service on this DATA_DIR and run the doctor again';

/**
 * `npm run doctor`: tests the configured bucket, database and key the way the service uses them. It stores and removes
 * objects of a test user, and changes nothing else; an embedded database is migrated, as at every start.
 * @returns every check that was made.
 */
export async function runDoctor(config: Config, options: DoctorOptions): Promise<Check[]> {
  const { now, signal } = options;
  const checks: Check[] = [];
  const closers: Closers = [];
  let databaseUrl = config.database.url;
  const report = (check: Check) => {
    checks.push(check);
    options.report(check);
  };
  /** Runs a group of checks, unless they were stopped; whether all of them passed. */
  const make = async (name: string, group: () => AsyncIterable<Check>, remedy?: string): Promise<boolean> => {
    if (signal.aborted) return false;
    const before = checks.length;
    try {
      for await (const check of group()) {
        report(check);
        if (signal.aborted) break;
      }
    } catch (error) {
      if (!signal.aborted) report(unreachable(name, reasonOf(error), remedy));
    }
    return !signal.aborted && checks.slice(before).every(({ verdict }) => verdict !== 'fail');
  };
  // The embedded bucket and database stop with the doctor, so no service may be using them.
  try {
    await lockEmbedded(config, closers);
  } catch (error) {
    report(unreachable('embedded database', reasonOf(error), STOP_FIRST));
    return checks;
  }
  try {
    const storage = await checkBucket();
    await make('database', checkConfiguredDatabase);
    const url = databaseUrl;
    const isMigrated = checks.some(({ name, verdict }) => name === 'database: migrations' && verdict === 'ok');
    if (storage !== null && url !== undefined && isMigrated) {
      await make('sweeper', () => checkSweeper(storage, { url, config, now }));
    }
    await make('tokens', () => checkTokenKey(config, now));
    if (storage !== null) await make('temporary credentials', () => checkSessions(storage));
    await make('scanner', () => checkScanner(config, signal));
    await make('webhooks', () => checkWebhooks(config, signal));
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
  return checks;

  async function checkBucket() {
    const storage = await openBucket();
    if (storage === null) return null;
    // The trials upload small texts, which the users' limits may not allow.
    const limits = { ...config.limits, allowedContentTypes: ['*/*'], uploadPolicies: new Map(), maxUploadBytes: 1024 };
    const ids = createIdSigner([crypto.randomUUID()]);
    const trial = openTrial({ ...storage, config: { ...config, limits }, ids, now, newId: newUuidV7 }, signal);
    try {
      if (!(await make('bucket', () => checkAccess(trial), 'S3_ENDPOINT, S3_PUBLIC_ENDPOINT, or the network')))
        return null;
      // If the bucket refuses a correct PUT, the other refusals prove nothing.
      const isTaken = await make('PUT', () => checkPut(trial));
      if (!isTaken && checks.at(-1)?.name === 'PUT: as signed') return storage;
      for (const [name, group] of [
        ['POST', checkForm],
        ['parts', checkParts],
        ['objects', checkObjects],
        ['CORS', checkCors],
        ['lifecycle', () => checkLifecycle(config)],
      ] as const) {
        await make(name, () => group(trial));
      }
      return storage;
    } finally {
      const left = await trial.cleanUp();
      if (left.length > 0) report(fail('clean-up', `could not be removed: ${left.join(', ')}`, 'remove them by hand'));
    }
  }

  async function openBucket() {
    const name = 'bucket: credentials and address';
    try {
      const storage = await openStorage(config, now, SILENT, closers);
      const { expiration } = await storage.credentials();
      const end = expiration === undefined ? '' : `, which expire at ${expiration.toISOString()}`;
      report(ok(name, `${storage.endpoint.protocol}//${storage.endpoint.host}, credentials found${end}`));
      report(checkStore(config.store));
      return storage;
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      const remedy = /credentials/i.test(codeOf(error)) ? 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' : undefined;
      report(unreachable(name, reasonOf(error), isTaken ? STOP_FIRST : remedy));
      return null;
    }
  }

  async function* checkConfiguredDatabase(): AsyncIterable<Check> {
    const { url: configured, driver } = config.database;
    const url = configured ?? (await startEmbeddedDatabase(config, SILENT, closers));
    if (configured === undefined) await migrateDatabase({ url, driver });
    databaseUrl = url;
    yield* checkDatabase(config, url);
  }
}

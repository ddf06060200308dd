import type { Config } from '../../src/config/config.ts';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createWebhookQueries, type WebhookQueries, type WebhookState } from '../../src/db/create-webhook-queries.ts';
import { openWebhooks } from '../../src/start/open-webhooks.ts';
import { NO_METRICS } from '../../src/telemetry/create-metrics.ts';
import { commandLogger, defineServiceCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost webhooks list [--waiting | --delivered]
       signpost webhooks retry [ID…]

list prints the dead letters: events whose last attempt has failed. With --waiting those that are not delivered yet,
with --delivered those of the last week. A line has the id, the type, the time, the file's owner and id, the number of
failed attempts, and why the last one failed.

retry sends dead letters again, now, and what waits for its next attempt; or the events with these ids, delivered ones
too. It needs WEBHOOK_URL and WEBHOOK_SECRET. A receiver that fails three times in a row ends it: the service tries
again later.

Exit code: 0 there are no dead letters, or all was delivered; 1 there are some, or some was not; 2 it could not run;
64 wrong arguments.`;

/** How many rows are in memory at once. */
const PAGE_ROWS = 1000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const webhooksCommand = defineServiceCommand(
  {
    usage,
    allowPositionals: true,
    words: ['list', 'retry'],
    options: { waiting: { type: 'boolean', default: false }, delivered: { type: 'boolean', default: false } },
  },
  async (config, { positionals: [command, ...ids], values: { waiting, delivered } }) => {
    const isList = command === 'list' && ids.length === 0 && !(waiting && delivered);
    const isRetry = command === 'retry' && !waiting && !delivered;
    if (!isList && !isRetry) throw new UsageError('expected "list", with one option at most, or "retry" and ids');
    const wrong = ids.filter((id) => !UUID.test(id));
    if (wrong.length > 0) throw new UsageError(`not an id of an event: ${wrong.join(', ')}`);
    const { url, driver, prepare } = config.database;
    if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database belongs to its service');
    const database = await connectDatabase({ url, driver, prepare });
    try {
      const state = waiting ? 'waiting' : delivered ? 'delivered' : 'dead';
      return await (isList ? list(createWebhookQueries(database), state) : retry(config, database, ids));
    } finally {
      await database.close();
    }
  },
);

async function list(queries: WebhookQueries, state: WebhookState): Promise<number> {
  let count = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const rows: Awaited<ReturnType<WebhookQueries['list']>> = await queries.list(state, PAGE_ROWS, after);
    for (const { id, type, at, ownerId, fileId, failures, lastFailure } of rows) {
      console.log([id, type, at.toISOString(), ownerId, fileId, failures, lastFailure ?? ''].join(' ').trimEnd());
    }
    count += rows.length;
    after = rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.number;
  }
  return state === 'dead' && count > 0 ? EXIT.found : EXIT.holds;
}

async function retry(config: Config, database: Database, ids: readonly string[]): Promise<number> {
  const services = { database, logger: commandLogger, metrics: NO_METRICS, now: () => new Date() };
  const delivery = await openWebhooks(config, services);
  if (delivery === null) throw new Error('WEBHOOK_URL is not set');
  const queries = createWebhookQueries(database);
  const queued = await queries.retry(ids.length === 0 ? null : ids);
  const unknown = ids.filter((id) => !queued.includes(id.toLowerCase()));
  if (unknown.length > 0) console.error(`not there, or on its way just now: ${unknown.join(', ')}`);
  await delivery.run();
  await delivery.close();
  const delivered = await queries.countDelivered(queued);
  console.log(`${delivered} of ${queued.length} delivered`);
  return delivered === queued.length && unknown.length === 0 ? EXIT.holds : EXIT.found;
}

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Services } from '../../src/start/services.ts';
import type { TestDatabase } from '../helpers/database.ts';
import type { Received } from '../helpers/webhook-receiver.ts';

/** A receiver as they are: sometimes slow, and sometimes it fails after it has read the message. */
export async function failNowAndThen(): Promise<number> {
  await sleep(randomInt(4) === 0 ? randomInt(200) : 0);
  return randomInt(20) === 0 ? 500 : 204;
}

/** Delivers what is left, as if the claims of the killed instances and the pauses were over. No other instance runs. */
export async function deliverAll({ webhooks }: Pick<Services, 'webhooks'>, database: TestDatabase): Promise<void> {
  const waiting = 'webhook_messages where delivered_at is null and dead_at is null';
  while ((await database.query(`select 1 from ${waiting} limit 1`)).length > 0) {
    await webhooks?.settle(60_000);
    await database.query('update webhook_messages set due_at = now() where delivered_at is null');
    await webhooks?.run();
  }
}

/** What leads to an event, by its row in the audit log. */
const TYPES = `(values ('upload.confirm', 'file.confirmed'), ('file.delete', 'file.deleted'),
  ('sweep.abandoned', 'upload.abandoned')) as known (action, type)`;

/** What differs between the changes, the events in the database, and what the receiver got. */
export async function compareWebhooks(database: TestDatabase, received: readonly Received[]) {
  const messages = (await database.query('select number::int, id, type, file_id from webhook_messages')) as {
    number: number;
    id: string;
    type: string;
    file_id: string;
  }[];
  const numberOf = new Map(messages.map(({ id, number }) => [id, number]));
  const last = new Map<unknown, number>();
  const disordered: string[] = [];
  for (const { id, event } of received) {
    const number = numberOf.get(id) ?? 0;
    if (number < (last.get(event.data.fileId) ?? 0)) disordered.push(id);
    last.set(event.data.fileId, number);
  }
  const accepted = new Set(received.filter(({ status }) => status === 204).map(({ id }) => id));
  // An abandoned upload's object is removed, and that logged, after its event: a sweep that ends in between goes on.
  const withoutEvent = await database.query(`
    select file_id, action from audit_events join ${TYPES} using (action) where outcome = 'ok' and 1 <> (
      select count(*) from webhook_messages
      where file_id = audit_events.file_id and owner_id = user_id and webhook_messages.type = known.type)`);
  const withoutChange = await database.query(`
    select id, type from webhook_messages where 1 <> (
      select count(*) from audit_events join ${TYPES} using (action)
      where audit_events.file_id = webhook_messages.file_id and user_id = owner_id and outcome = 'ok'
      and known.type = webhook_messages.type)`);
  return {
    unsent: messages.filter(({ id }) => !accepted.has(id)),
    invented: received.filter(({ id }) => !numberOf.has(id)),
    unsigned: received.filter(({ isVerified }) => !isVerified),
    disordered,
    withoutChange,
    withoutEvent,
  };
}

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFileQueries, type FileQueries } from '../../src/db/create-file-queries.ts';
import { CLAIM_SECONDS, createWebhookQueries, type WebhookQueries } from '../../src/db/create-webhook-queries.ts';
import { type AttemptServices, attemptMessage } from '../../src/webhooks/attempt-message.ts';
import { createWebhookDelivery, type WebhookDelivery } from '../../src/webhooks/create-webhook-delivery.ts';
import { createPinnedPost } from '../../src/webhooks/post-pinned.ts';
import { createWebhookSigner } from '../../src/webhooks/sign-webhook.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/listen.ts';
import { newFile } from '../helpers/new-file.ts';
import { type Receiver, startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.ts';

const ACT = { actorId: 'alice', address: null, requestId: 'r1' } as const;

describe('the delivery of webhooks', () => {
  let test: TestDatabase;
  let database: Database;
  let queries: WebhookQueries;
  let files: FileQueries;
  let receiver: Receiver;
  let started: WebhookDelivery[] = [];
  let logs: { level: string; message: string; fields: Record<string, unknown> }[] = [];

  beforeAll(async () => {
    test = await createTestDatabase();
    database = await connectDatabase({ url: test.url });
    queries = createWebhookQueries(database);
    files = createFileQueries(database, { bytes: null, files: null }, () => {});
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await Promise.all(started.map((delivery) => delivery.close()));
    started = [];
    logs = [];
    await receiver.close();
    await test.query('delete from webhook_messages');
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const servicesFor = (url = receiver.url): AttemptServices => {
    const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
      logs.push({ level, message, fields });
    };
    return {
      config: parseConfig({}),
      webhookQueries: queries,
      post: createPinnedPost(url, true),
      sign: createWebhookSigner([WEBHOOK_SECRET]),
      metrics: { count: () => {} },
      logger: { warn: log('warn'), error: log('error') },
      now: () => new Date(),
      random: () => 0.5,
    };
  };
  /** An instance without timers delivers when it is told to. */
  const start = (url?: string, intervalSeconds = 0, more: Partial<AttemptServices> = {}) => {
    const services = { ...servicesFor(url), ...more };
    const jobs = { intervalSeconds, deleteAfterSeconds: 0 };
    const delivery = createWebhookDelivery({ ...services, config: { ...services.config, jobs } });
    started.push(delivery);
    return delivery;
  };
  const confirm = async (count: number) => {
    const all = Array.from({ length: count }, () => newFile());
    await Promise.all(all.map((file) => files.insert(file, { ...ACT, action: 'upload.confirm' })));
    return all;
  };
  /** As if the pauses were over. Only while no attempt runs. */
  const passTime = () => test.query('update webhook_messages set due_at = now() where delivered_at is null');
  /** Accepts the first messages after so many have come. */
  const whenTogether = (count: number) => {
    let come = 0;
    let open = () => {};
    const together = new Promise<void>((resolve) => {
      open = resolve;
    });
    return async () => {
      if (++come === count) open();
      await together;
      return 204;
    };
  };
  const waiting = () => queries.list('waiting', 1000);

  it('sends up to 16 messages at the same time, each once', async () => {
    await confirm(50);
    receiver.answer = whenTogether(16);
    await start().run();
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(50);
    expect(receiver.received).toHaveLength(50);
    expect(receiver.mostAtOnce).toBe(16);
  });

  it.each([500, 404, 429, 300, 304])(
    'sends a message again that was answered with %s, the same, signed anew',
    async (status) => {
      await confirm(1);
      receiver.answer = async () => (receiver.received.length === 1 ? status : 204);
      const delivery = start();
      await delivery.run();
      const [failed] = await waiting();
      expect(failed).toMatchObject({ failures: 1, lastFailure: `answered ${status}`, deadAt: null });
      await delivery.run();
      expect(receiver.received).toHaveLength(1);
      await passTime();
      await delivery.run();
      const [first, second] = receiver.received;
      expect(second).toEqual({ ...first, status: 204 });
      expect([first?.isVerified, await waiting()]).toEqual([true, []]);
    },
  );

  it('gives up after 23 attempts, over three days', async () => {
    await confirm(1);
    receiver.answer = async () => 500;
    await start().run();
    await test.query('update webhook_messages set failures = 21');
    for (const failures of [22, 23]) {
      await passTime();
      await start().run();
      expect(await test.query('select failures, dead_at is not null as dead from webhook_messages')).toEqual([
        { failures, dead: failures === 23 },
      ]);
    }
    const [error] = logs.filter(({ level }) => level === 'error');
    expect(error?.message).toBe('a webhook was not delivered, and is not tried again');
  });

  it('gives up at once when the receiver answers 410', async () => {
    await confirm(1);
    receiver.answer = async () => 410;
    await start().run();
    expect(await queries.list('dead', 10)).toMatchObject([{ failures: 1, lastFailure: 'answered 410' }]);
  });

  it('pauses while the receiver is down, and delivers everything in order when it is back', async () => {
    const all = await confirm(40);
    for (const file of all.slice(0, 10)) {
      await files.change(file, ['active'], { status: 'archived' }, { ...ACT, action: 'file.archive' });
    }
    const away = start(`http://127.0.0.1:${await freePort()}/`);
    await away.run();
    const tried = (await waiting()).filter(({ failures }) => failures > 0);
    expect(tried.length).toBeLessThanOrEqual(16);
    await away.run();
    expect((await waiting()).filter(({ failures }) => failures > 0)).toHaveLength(tried.length + 1);
    expect(tried[0]?.lastFailure).toContain('ECONNREFUSED');

    await passTime();
    await start().run();
    expect(receiver.received).toHaveLength(50);
    for (const { id } of all.slice(0, 10)) expect(receiver.of(id)).toEqual(['file.confirmed', 'file.archived']);
  });

  it('sends one by one while the receiver fails, and together again when it accepts', async () => {
    await confirm(30);
    receiver.answer = async () => 500;
    const delivery = start();
    await delivery.run();
    const before = receiver.received.length;
    receiver.mostAtOnce = 0;
    await delivery.run();
    expect([receiver.received.length - before, receiver.mostAtOnce]).toEqual([1, 1]);
    const together = whenTogether(16);
    let answered = 0;
    receiver.answer = async () => (answered++ === 0 ? 204 : together());
    await passTime();
    await delivery.run();
    expect(await waiting()).toEqual([]);
    expect(receiver.mostAtOnce).toBe(16);
    expect(logs.map(({ message }) => message)).toContain('webhooks are delivered again');
  });

  it('waits as long as Retry-After says, with all messages', async () => {
    await confirm(1);
    receiver.answer = async (_, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return undefined;
    };
    const delivery = start();
    await delivery.run();
    const [{ dueAt } = { dueAt: new Date(0) }] = await waiting();
    expect(dueAt.getTime() - Date.now()).toBeGreaterThan(3_500_000);
    await confirm(3);
    await delivery.run();
    expect(receiver.received).toHaveLength(1);
  });

  it('keeps the order of each file, with two instances, a receiver that fails often, and changes meanwhile', async () => {
    const all = await confirm(12);
    const instances = [start(), start()];
    // Each id fails the first time in two of three cases: by its last digit.
    const failed = new Set<string>();
    receiver.answer = async ({ id }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (failed.has(id) || Number.parseInt(id.slice(-1), 16) % 3 === 0) return 200;
      failed.add(id);
      return 500;
    };
    const steps = ['archived', 'active', 'archived', 'deleted'] as const;
    const actions = { archived: 'file.archive', active: 'file.restore', deleted: 'file.delete' } as const;
    const changing = all.map(async (file) => {
      for (const status of steps) {
        await files.change(file, ['active', 'archived'], { status }, { ...ACT, action: actions[status] });
        for (const { soon } of instances) soon();
      }
    });
    await Promise.all(changing);
    while ((await waiting()).length > 0) {
      await Promise.all(instances.map(({ run }) => run()));
      await Promise.all(instances.map(({ settle }) => settle(60_000)));
      await passTime();
    }
    const accepted = receiver.received.filter(({ status }) => status === 200);
    expect(new Set(accepted.map(({ id }) => id)).size).toBe(accepted.length);
    const types = ['file.confirmed', 'file.archived', 'file.restored', 'file.archived', 'file.deleted'];
    for (const { id } of all) {
      expect(accepted.filter(({ event }) => event.data.fileId === id).map(({ event }) => event.type)).toEqual(types);
      // Failed attempts, too: nothing of a file is sent before what came earlier was accepted.
      const seen = receiver.of(id);
      expect(seen.filter((type, index) => type !== seen[index - 1])).toEqual(types);
    }
  });

  it('does not delay others by thousands of failing changes of one file', async () => {
    const [busy] = await confirm(1);
    await test.query(`insert into webhook_messages (type, owner_id, file_id, file)
      select 'file.archived', owner_id, file_id, file from webhook_messages, generate_series(1, 3000)`);
    const [other] = await confirm(1);
    receiver.answer = async ({ event }) => (event.data.fileId === busy?.id ? 500 : 204);
    await start().run();
    expect(receiver.of(other?.id ?? '')).toEqual(['file.confirmed']);
    expect(new Set(receiver.of(busy?.id ?? ''))).toEqual(new Set(['file.confirmed']));
  });

  it('releases unfinished messages when it is closed, and another instance sends them', async () => {
    await confirm(1);
    receiver.answer = async () => undefined;
    const delivery = start();
    delivery.soon();
    await expect.poll(() => receiver.received).toHaveLength(1);
    await delivery.close();
    expect(await waiting()).toMatchObject([{ failures: 0, lastFailure: null }]);
    receiver.answer = async () => 204;
    await start().run();
    expect(await waiting()).toEqual([]);
    delivery.soon();
    await delivery.settle(1_000);
    expect(receiver.received).toHaveLength(2);
  });

  it('sends nothing with a claim that is about to run out', async () => {
    await confirm(1);
    const [message] = await queries.claim(1);
    if (message === undefined) throw new Error('none was due');
    const stale = {
      claimedAt: performance.now() - (CLAIM_SECONDS - 15) * 1000,
      stopping: new AbortController().signal,
    };
    expect(await attemptMessage(servicesFor(), message, stale)).toEqual({ kind: 'released' });
    expect(receiver.received).toEqual([]);
  });

  it('sends a message again whose outcome could not be stored, and logs that', async () => {
    await confirm(1);
    const services = servicesFor();
    const noteDelivered = () => Promise.reject(new Error('the database is away'));
    const away = { ...services, webhookQueries: { ...queries, noteDelivered } };
    const jobs = { intervalSeconds: 0, deleteAfterSeconds: 0 };
    const delivery = createWebhookDelivery({ ...away, config: { ...services.config, jobs } });
    await delivery.run();
    expect(logs.map(({ message }) => message)).toEqual([
      'the outcome of a webhook could not be stored: it is sent again',
    ]);
    await passTime();
    await start().run();
    const [first, second, ...others] = receiver.received;
    expect([second?.id, others]).toEqual([first?.id, []]);
  });

  it('begins by itself when the next message is due, where jobs run', async () => {
    await confirm(1);
    receiver.answer = async () => (receiver.received.length === 1 ? 500 : 204);
    let claims = 0;
    const claim: typeof queries.claim = (limit) => queries.claim(limit).finally(() => claims++);
    // Half a second instead of ten.
    start(undefined, 3600, { random: () => -1.4, webhookQueries: { ...queries, claim } }).soon();
    await expect.poll(() => receiver.received).toHaveLength(2);
    await expect.poll(waiting).toEqual([]);
    // Until then, it leaves the database alone.
    expect(claims).toBeLessThan(10);
  });
});

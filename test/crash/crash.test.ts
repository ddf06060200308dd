import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { parseConfig } from '../../src/config/config.ts';
import { MARKER_NAME } from '../../src/jobs/examine-marker.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { createServices } from '../../src/start/services.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/listen.ts';
import { SECRET, startTestBucket } from '../helpers/test-service.ts';
import { startReceiver } from '../helpers/webhook-receiver.ts';
import { withClocks } from '../jobs/with-clocks.ts';
import { type Running, run } from '../live/process.ts';
import { type Known, runClient, sha256 } from './clients.ts';
import { compareWebhooks, deliverAll, failNowAndThen } from './webhooks.ts';

/** How often the service is killed: `TEST_CRASHES`. The figures in docs/operating.md are for 200. */
const CRASHES = Number(process.env.TEST_CRASHES);
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'];
const MONTH_MS = 30 * 86_400_000;

describe(`a service that is killed ${CRASHES} times under load`, () => {
  let bucket: Awaited<ReturnType<typeof startTestBucket>>;
  let database: TestDatabase;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let services: Awaited<ReturnType<typeof createServices>>;
  const files = new Map<string, Known>();
  type Row = { id: string; owner_id: string; status: string; place: string };
  let rows: Row[];

  beforeAll(async () => {
    [bucket, database, receiver] = await Promise.all([startTestBucket(), createTestDatabase(), startReceiver()]);
    receiver.answer = failNowAndThen;
    const port = await freePort();
    const env = {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: port,
      JWT_SECRET: SECRET,
      ...bucket.env,
      DATABASE_URL: database.url,
      RATE_LIMIT_PER_MINUTE: '0',
      QUOTA_FILES: '1000000',
      JOBS_INTERVAL_SECONDS: '0',
      ...receiver.env,
    };
    const stopping = new AbortController();
    const clients = USERS.map((user) => runClient(`http://127.0.0.1:${port}`, user, files, stopping.signal));
    const failed = Promise.all(clients);
    const crashes = (async () => {
      for (let n = 0; n <= CRASHES; n++) {
        const service: Running = run('node', ['dist/main.js'], env);
        await service.until(/"msg":"listening"/);
        // The last instance runs until every client has ended.
        if (n === CRASHES) return service;
        await sleep(randomInt(10, 1_500));
        await service.stop('SIGKILL');
      }
      throw new Error('there is a last one');
    })();
    const last = await Promise.race([crashes, failed.then(() => crashes)]);
    await sleep(1000);
    stopping.abort();
    await failed;
    await last.stop('SIGTERM');

    services = await createServices(parseConfig(env), {
      logger: { error: console.error, warn: console.error, info: () => {}, debug: () => {} },
    });
    // All unconfirmed uploads count as abandoned, and all unfinished ones as a week old.
    const { counts } = await sweep(withClocks(services, { bucket: MONTH_MS, database: MONTH_MS, host: MONTH_MS }));
    await deliverAll(services, database);
    rows = (await database.query(
      `select id, owner_id, status, coalesce(stored_key, object_key) as place from files where status in ('active', 'archived')`,
    )) as Row[];
    const known = [...files.values()];
    console.log(
      `${CRASHES} kills; ${files.size} uploads, ${known.filter(({ confirm }) => confirm === 'done').length} confirmed for ` +
        `certain, ${known.filter(({ remove }) => remove === 'done').length} deleted for certain; the sweep: ${JSON.stringify(counts)}; ${receiver.received.length} webhooks received`,
    );
  }, 3_600_000);

  afterAll(async () => {
    await services?.close();
    await receiver?.close();
    await bucket?.close();
    await database?.drop();
  });

  it('has handled uploads', () => {
    expect(files.size).toBeGreaterThan(CRASHES);
    const states = new Set([...files.values()].map(({ confirm, remove }) => `${confirm} ${remove}`));
    expect(states).toContain('done done');
    expect(states).toContain('done never');
    expect(states).toContain('never never');
  });

  it('has the bytes of every file with a row', async () => {
    for (const { id, owner_id, place } of rows) {
      const bytes = await bucket.read(place);
      expect(bytes, place).not.toBeNull();
      expect({ user: owner_id, sha256: sha256(bytes ?? Buffer.of()) }).toEqual({
        user: files.get(id)?.user,
        sha256: files.get(id)?.sha256,
      });
    }
  });

  it('has a row for every confirmed file, and none for a deleted one', () => {
    const ids = new Set(rows.map(({ id }) => id));
    const lost = [...files].filter(([id, file]) => file.confirm === 'done' && file.remove === 'never' && !ids.has(id));
    const undead = [...files].filter(([id, file]) => file.remove === 'done' && ids.has(id));
    const uninvited = [...files].filter(([id, file]) => file.confirm === 'never' && ids.has(id));
    expect({ lost, undead, uninvited }).toEqual({ lost: [], undead: [], uninvited: [] });
  });

  it('has no object without a row and no unfinished upload after one sweep', async () => {
    const places = new Set(rows.map(({ place }) => place));
    const strays: string[] = [];
    for (let StartAfter = '', more = true; more; ) {
      const page = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.name, StartAfter }));
      for (const { Key = '' } of page.Contents ?? []) if (!places.has(Key) && Key !== MARKER_NAME) strays.push(Key);
      StartAfter = page.Contents?.at(-1)?.Key ?? '';
      more = page.IsTruncated === true;
    }
    expect(strays).toEqual([]);
    const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }));
    expect(Uploads).toEqual([]);
  });

  it('has a usage that equals a recount', async () => {
    const recount = await database.query(`
      select owner_id, sum(size_bytes) as size_bytes, count(*) as files from files
      where status in ('active', 'archived') group by 1 order by 1`);
    expect(recount.length).toBeGreaterThan(0);
    const counted = 'select owner_id, size_bytes, files from file_usage where files > 0 order by 1';
    expect(await database.query(counted)).toEqual(recount);
  });

  it('has one audit event for each row and each change, and valid seals', async () => {
    const unlogged = await database.query(`
      select id from files where status <> 'refused' and 1 <> (
        select count(*) from audit_events where file_id = files.id and user_id = owner_id and action = 'upload.confirm' and outcome = 'ok')`);
    expect(unlogged).toEqual([]);
    const unrowed = await database.query(`
      select file_id from audit_events where action = 'upload.confirm' and outcome = 'ok'
      and not exists (select 1 from files where files.id = file_id and owner_id = user_id and status in ('active', 'archived'))
      and not exists (select 1 from audit_events as gone
        where gone.file_id = audit_events.file_id and gone.user_id = audit_events.user_id and gone.action = 'file.delete' and gone.outcome = 'ok')`);
    expect(unrowed).toEqual([]);
    expect((await sealAuditLog(services))?.sealed).toBeGreaterThan(0);
    expect((await verifyAuditLog(services)).broken).toEqual([]);
  });

  it('has sent a webhook for each change and for nothing else, and those of each file in their order', async () => {
    const found = await compareWebhooks(database, receiver.received);
    expect(found).toEqual({
      unsent: [],
      invented: [],
      unsigned: [],
      disordered: [],
      withoutChange: [],
      withoutEvent: [],
    });
    const [confirmed, deleted] = ['file.confirmed', 'file.deleted'].map((type) => {
      const ofType = receiver.received.filter(({ event }) => event.type === type);
      return new Set(ofType.map(({ event }) => event.data.fileId));
    });
    const known = [...files];
    expect(known.filter(([id, file]) => file.confirm === 'done' && !confirmed?.has(id))).toEqual([]);
    expect(known.filter(([id, file]) => file.confirm === 'never' && confirmed?.has(id))).toEqual([]);
    expect(known.filter(([id, file]) => file.remove === 'done' && !deleted?.has(id))).toEqual([]);
    expect(known.filter(([id, file]) => file.remove === 'never' && deleted?.has(id))).toEqual([]);
  });
});

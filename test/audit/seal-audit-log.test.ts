import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { type AuditFixture, startAuditLog } from './audit-fixture.ts';

let log: AuditFixture;
beforeEach(async () => {
  log = await startAuditLog();
});
afterEach(() => log.close());

/** A transaction that stays open after it has added a row. */
async function openWriter() {
  const client = new pg.Client({ connectionString: log.test.url });
  await client.connect();
  await client.query('begin');
  await client.query(
    `insert into audit_events (actor_id, user_id, action, outcome, request_id) values ('bob', 'bob', 'slow', 'ok', 'r')`,
  );
  return {
    commit: async () => {
      await client.query('commit');
      await client.end();
    },
  };
}

describe('sealAuditLog', () => {
  it('seals the rows since the last seal, and makes no seal without new rows', async () => {
    expect(await log.seal()).toBeNull();
    await log.add(3);
    expect(await log.seal()).toMatchObject({ sealed: 3, seal: expect.stringMatching(/^1:[0-9a-f]{64}$/) });
    expect(await log.seal()).toBeNull();
    await log.add(2);
    await log.add(2);
    expect(await log.seal()).toMatchObject({ sealed: 4, seal: expect.stringMatching(/^2:[0-9a-f]{64}$/) });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 2, sealed: 7, unsealed: 0 });
  });

  it('reads a long log in pages', async () => {
    await log.add(2500);
    expect(await log.seal()).toMatchObject({ sealed: 2500 });
    expect(await log.verify()).toMatchObject({ broken: [], sealed: 2500 });
  });

  it('makes a hash that can be computed from the rows', async () => {
    await log.add(2);
    const { seal } = (await log.seal()) ?? {};
    const [row] = await log.test.query('select * from audit_seals');
    const rows = await log.test.query('select * from audit_events order by xid, id');
    const lines = [
      [null, 1, '0', row?.to_xid, row?.sealed_at],
      ...rows.map((r) => [
        Number(r.id),
        r.xid,
        r.at,
        r.actor_id,
        r.user_id,
        r.action,
        r.outcome,
        r.file_id,
        r.object_key,
        r.address,
        r.request_id,
      ]),
      [2, Number(rows.at(-1)?.id)],
    ].map((line) => `${JSON.stringify(line)}\n`);
    expect(seal).toBe(`1:${createHash('sha256').update(lines.join('')).digest('hex')}`);
  });

  it('waits for no writer and delays none; rows of open transactions go into a later seal', async () => {
    await log.add(1);
    expect(await log.seal()).toMatchObject({ sealed: 1 });
    const writer = await openWriter();
    await log.add(5);
    // Later than the open transaction: it may still add rows among them.
    expect(await log.trySeal()).toBeNull();
    await writer.commit();
    expect(await log.seal()).toMatchObject({ sealed: 6 });
    expect(await log.verify()).toMatchObject({ broken: [], sealed: 7, unsealed: 0 });
  });

  it('seals each row of twenty concurrent writers exactly once', async () => {
    let writing = true;
    let committed = 0;
    let sealed = 0;
    let seals = 0;
    const writers = Array.from({ length: 20 }, async () => {
      const client = new pg.Client({ connectionString: log.test.url });
      await client.connect();
      // Transactions of other test files delay seals, so the writers continue until there are some.
      for (let n = 0; n < 25 || seals < 3; n++) {
        await client.query('begin');
        for (let row = 0; row < 3; row++) {
          await client.query(
            `insert into audit_events (actor_id, user_id, action, outcome, request_id) values ('a', 'a', 'x', 'ok', 'r')`,
          );
        }
        await client.query(n % 5 === 0 ? 'rollback' : 'commit');
        if (n % 5 !== 0) committed += 3;
      }
      await client.end();
    });
    const written = Promise.all(writers).finally(() => {
      writing = false;
    });
    const sealer = async () => {
      while (writing) {
        const result = await log.trySeal();
        sealed += result?.sealed ?? 0;
        if (result !== null) seals += 1;
      }
    };
    await Promise.all([written, sealer(), sealer()]);
    const rest = await log.seal();
    sealed += rest?.sealed ?? 0;
    expect(sealed).toBe(committed);
    const report = await log.verify();
    expect(report).toMatchObject({ broken: [], sealed, unsealed: 0 });
    expect(report.seals).toBe(seals + (rest === null ? 0 : 1));
  });

  it('seals and verifies through Neon’s driver', async () => {
    const proxy = await startNeonProxy();
    const neon = await startAuditLog('neon');
    try {
      await neon.add(2500);
      expect(await neon.seal()).toMatchObject({ sealed: 2500 });
      await neon.test.query('delete from audit_events where id = 2400');
      expect(await neon.verify()).toMatchObject({ broken: [{ number: 1 }], sealed: 2499, unsealed: 0 });
    } finally {
      await neon.close();
      await proxy.stop();
    }
  });

  it('makes one seal of many simultaneous attempts', async () => {
    await log.add(10);
    const results = await Promise.all(Array.from({ length: 8 }, () => log.seal()));
    expect(results.filter((result) => result !== null)).toHaveLength(1);
    expect(await log.verify()).toMatchObject({ broken: [], seals: 1, sealed: 10 });
  });
});

describe('a log restored into another cluster, where transaction ids start again', () => {
  /** Makes rows and seals like a dump of an older cluster: transactions far ahead of this one's. */
  const moveHere = async (sealedRows: number, unsealedRows: number) => {
    const insert = (xid: string, count: number) =>
      log.test.query(
        `insert into audit_events (xid, actor_id, user_id, action, outcome, request_id)
         select ($1::text::bigint + n / 2)::text::xid8, 'old', 'old', 'x', 'ok', 'r' from generate_series(1, $2::int) as n`,
        [xid, count],
      );
    if (sealedRows > 0) await insert('5000000000', sealedRows);
    if (sealedRows > 0) expect(await log.seal()).toMatchObject({ sealed: sealedRows });
    if (unsealedRows > 0) await insert('6000000000', unsealedRows);
  };

  it('is sealed to its end, and continues after it', async () => {
    await moveHere(5, 4);
    await log.add(3);
    expect(await log.seal()).toMatchObject({ sealed: 4 });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 2, sealed: 9, unsealed: 3 });
    expect(await log.seal()).toMatchObject({ sealed: 3 });
    expect(await log.seal()).toBeNull();
    await log.add(2);
    expect(await log.seal()).toMatchObject({ sealed: 2 });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 4, sealed: 14, unsealed: 0 });
  });

  it('continues after its end if all of it was sealed', async () => {
    await moveHere(5, 0);
    await log.add(3);
    expect(await log.verify()).toMatchObject({ broken: [], seals: 1, sealed: 5, unsealed: 3 });
    expect(await log.seal()).toMatchObject({ sealed: 3 });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 2, sealed: 8, unsealed: 0 });
    await moveHere(2, 0);
    await log.add(1);
    expect(await log.seal()).toMatchObject({ sealed: 1 });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 4, sealed: 11, unsealed: 0 });
  });

  it('still reveals changes on either side of the move', async () => {
    await moveHere(5, 4);
    await log.seal();
    await log.add(3);
    await log.seal();
    await log.add(3);
    await log.seal();
    await log.test.query(`update audit_events set outcome = 'x' where id = 2`);
    await log.test.query('delete from audit_events where id = 8');
    await log.test.query('delete from audit_events where id = 11');
    expect((await log.verify()).broken.map(({ number }) => number)).toEqual([1, 2, 3]);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AuditFixture, parseSeal, startAuditLog } from './audit-fixture.ts';

/** Three seals: over the rows 1 to 4, 5 to 7 and 8 to 9; row 10 is not sealed. Each test has a copy. */
let original: AuditFixture;
let last: { number: number; hash: string };
beforeAll(async () => {
  original = await startAuditLog();
  await original.add(4);
  await original.seal();
  await original.add(3);
  await original.seal();
  await original.add(2);
  last = parseSeal((await original.seal())?.seal);
  await original.add(1);
  await original.disconnect();
});
afterAll(() => original.test.drop());

let log: AuditFixture;
beforeEach(async () => {
  log = await startAuditLog('pg', original.test);
});
afterEach(() => log.close());

const MESSAGES = {
  changed: 'a row, this seal or the previous one was changed',
  gap: 'it does not begin where the previous seal ends',
};

describe('verifyAuditLog', () => {
  it('finds nothing in an unchanged log, and counts the rows without a seal', async () => {
    const report = { broken: [], seals: 3, sealed: 9, dropped: 0, unsealed: 1, last: `3:${last.hash}` };
    expect(await log.verify()).toEqual(report);
    expect(await log.verify(last)).toEqual(report);
  });

  it('accepts an empty log', async () => {
    await log.test.query('truncate audit_events, audit_seals');
    expect(await log.verify()).toEqual({ broken: [], seals: 0, sealed: 0, dropped: 0, unsealed: 0, last: null });
    expect((await log.verify(last)).broken).toEqual([{ number: 3, message: 'is expected but missing' }]);
  });

  it.each([1, 5, 6, 7])('finds that row %i was removed', async (id) => {
    await log.test.query('delete from audit_events where id = $1', [id]);
    const [number, of] = id === 1 ? [1, 4] : [2, 3];
    expect((await log.verify()).broken).toEqual([{ number, message: `1 of its ${of} rows were removed` }]);
  });

  it.each([
    `id = 11`,
    `xid = (xid::text::bigint + 1000)::text::xid8`,
    `at = at + interval '1 ms'`,
    `actor_id = 'mallory'`,
    `user_id = 'mallory'`,
    `action = 'file.delete'`,
    `outcome = 'conflict'`,
    `file_id = null`,
    `object_key = null`,
    `object_key = ''`,
    `address = '192.0.2.8'`,
    `request_id = 'x'`,
  ])('finds that a row was changed: %s', async (change) => {
    await log.test.query('alter table audit_events alter id drop identity');
    await log.test.query(`update audit_events set ${change} where id = 6`);
    const { broken } = await log.verify();
    const message = change.startsWith('xid') ? '1 of its 3 rows were removed' : MESSAGES.changed;
    expect(broken).toEqual([{ number: 2, message }]);
  });

  it('finds a row that was added among sealed ones, and accepts one at the end', async () => {
    const copy = `insert into audit_events (xid, actor_id, user_id, action, outcome, request_id)
      select xid, actor_id, user_id, action, outcome, request_id from audit_events where id = $1`;
    await log.test.query(copy, [10]);
    expect((await log.verify()).broken).toEqual([]);
    await log.test.query(copy, [6]);
    expect((await log.verify()).broken).toEqual([{ number: 2, message: '1 rows were added to its 3' }]);
  });

  it('finds two rows that changed places', async () => {
    const columns = ['file_id', 'object_key', 'request_id'];
    const exchange = (a: number, b: number) =>
      log.test.query(
        `update audit_events as row set ${columns.map((name) => `${name} = other.${name}`)} from audit_events as other
         where row.id in ($1, $2) and other.id = $1 + $2 - row.id`,
        [a, b],
      );
    await exchange(5, 6);
    expect((await log.verify()).broken.map(({ number }) => number)).toEqual([2]);
    await exchange(1, 8);
    expect((await log.verify()).broken.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it.each([1, 2])('finds that seal %i was removed', async (number) => {
    await log.test.query('delete from audit_seals where number = $1', [number]);
    const { broken } = await log.verify();
    expect(broken[0]).toEqual({ number: number + 1, message: `seal ${number} is missing before it` });
  });

  it.each([
    ['number = 9', 9],
    [`from_xid = '1'`, 2],
    [`from_xid = '0'`, 2],
    [`to_xid = (to_xid::text::bigint - 1)::text::xid8`, 2],
    ['events = events + 1', 2],
    ['events = events - 1', 2],
    [`hash = repeat('0', 64)`, 2],
    [`sealed_at = sealed_at + interval '1 ms'`, 2],
    ['last_id = last_id + 1', 2],
    ['last_id = last_id - 1', 2],
  ])('finds that a seal was changed: %s', async (change, number) => {
    await log.test.query(`update audit_seals set ${change} where number = 2`);
    const { broken } = await log.verify();
    expect(broken.map((problem) => problem.number)).toContain(number);
  });

  it('finds that rows and their seal were removed if a later seal is left', async () => {
    await log.test.query('delete from audit_events where id between 5 and 7');
    await log.test.query('delete from audit_seals where number = 2');
    await log.test.query('update audit_seals set number = 2 where number = 3');
    expect(await log.verify()).toMatchObject({ broken: [{ number: 2, message: MESSAGES.gap }, { number: 2 }] });
  });

  it('finds, by a seal stored elsewhere, that the end was cut off with its seals, or sealed again', async () => {
    await log.test.query('delete from audit_events where id >= 8');
    await log.test.query('delete from audit_seals where number = 3');
    expect((await log.verify()).broken).toEqual([]);
    expect((await log.verify(last)).broken).toEqual([{ number: 3, message: 'is expected but missing' }]);
    await log.add(2);
    expect(await log.seal()).toMatchObject({ sealed: 2, seal: expect.stringMatching(/^3:/) });
    expect((await log.verify()).broken).toEqual([]);
    expect((await log.verify(last)).broken).toEqual([{ number: 3, message: 'is not the expected seal' }]);
  });

  it('finds, by a seal stored elsewhere, that the whole log was rewritten', async () => {
    await log.test.query('delete from audit_seals');
    await log.test.query(`update audit_events set actor_id = 'somebody else' where id = 6`);
    await log.seal();
    expect((await log.verify()).broken).toEqual([]);
    expect((await log.verify(last)).broken).toHaveLength(1);
  });
});

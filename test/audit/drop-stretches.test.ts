import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportAuditLog, verifyAuditExport } from '../../src/audit/audit-export.ts';
import { dropStretches } from '../../src/audit/drop-stretches.ts';
import { type AuditFixture, startAuditLog } from './audit-fixture.ts';

/** Seals over 3 rows of January and 2 of February; one row of March has no seal. */
let log: AuditFixture;
beforeEach(async () => {
  log = await startAuditLog();
  for (const [month, count] of [
    [1, 3],
    [2, 2],
    [3, 1],
  ] as const) {
    await log.add(count);
    await log.test.query(
      `update audit_events set at = make_timestamptz(2026, $1, 15, 0, 0, 0) where at > now() - interval '1 day'`,
      [month],
    );
    if (month < 3) await log.seal();
  }
});
afterEach(() => log.close());

const drop = (before: string, dryRun = false) => dropStretches(log, { before: new Date(before), dryRun });
const ids = async () => (await log.test.query('select id from audit_events order by id')).map(({ id }) => Number(id));

describe('dropStretches', () => {
  it('drops whole stretches that are old, keeps their seals, and the rest verifies', async () => {
    expect(await drop('2026-02-01')).toEqual({ dropped: [{ number: 1, events: 3 }], broken: null });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 2, sealed: 2, dropped: 1 });
    expect(await drop('2026-02-01')).toEqual({ dropped: [], broken: null });

    // The drop is an event itself, and is sealed with the next rows.
    const [event] = await log.test.query(`select * from audit_events where action = 'audit.drop'`);
    expect(event).toMatchObject({ request_id: 'seal-1', outcome: 'ok', actor_id: '\u001faudit' });
    expect(await log.seal()).toMatchObject({ sealed: 2 });
    expect(await log.verify()).toMatchObject({ broken: [], seals: 3, sealed: 4, unsealed: 0 });
  });

  it('drops nothing of a stretch with a row that is young enough, nor rows without a seal', async () => {
    expect(await drop('2026-01-15')).toEqual({ dropped: [], broken: null });
    expect(await drop('2030-01-01')).toMatchObject({ dropped: [{ number: 1 }, { number: 2 }] });
    expect(await ids()).toEqual([6, 7, 8]);
  });

  it('changes nothing in a dry run', async () => {
    expect(await drop('2030-01-01', true)).toMatchObject({ dropped: [{ number: 1 }, { number: 2 }] });
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await log.verify()).toMatchObject({ dropped: 0 });
  });

  it.each(['delete from audit_events where id = 2', `update audit_events set actor_id = 'bob' where id = 2`])(
    'stops at a stretch that differs from its seal: %s',
    async (tampering) => {
      await log.test.query(tampering);
      const before = await ids();
      expect(await drop('2030-01-01')).toMatchObject({ dropped: [], broken: { number: 1 } });
      expect(await ids()).toEqual(before);
    },
  );

  it('drops nothing if a row goes between the comparison and the drop', async () => {
    const { sealQueries } = log;
    const racing: typeof sealQueries.drop = async (...these) => {
      await log.test.query('delete from audit_events where id = 2');
      return sealQueries.drop(...these);
    };
    const before = new Date('2030-01-01');
    expect(await dropStretches({ sealQueries: { ...sealQueries, drop: racing } }, { before })).toEqual({
      dropped: [],
      broken: { number: 1, message: 'its rows changed meanwhile' },
    });
    expect(await ids()).toEqual([1, 3, 4, 5, 6]);
    expect((await log.test.query('select from audit_seals where dropped_at is not null')).length).toBe(0);
  });

  it('leaves an export of what is left, and of seals whose rows came back', async () => {
    await drop('2026-02-01');
    const lines: string[] = [];
    for await (const line of exportAuditLog(log, {})) lines.push(line);
    expect(await verifyAuditExport(toAsync(lines))).toMatchObject({ broken: [], seals: 1, sealed: 2, unsealed: 2 });

    await log.test.query(`update audit_events set xid = '1'::xid8 where id = 6`);
    expect((await log.verify()).broken).toEqual([{ number: 1, message: '1 rows are in its dropped stretch' }]);
  });

  it('finds that seals are marked as dropped out of their order', async () => {
    await log.test.query('delete from audit_events where id in (4, 5)');
    await log.test.query('update audit_seals set dropped_at = now() where number = 2');
    expect((await log.verify()).broken).toEqual([{ number: 2, message: 'its rows were dropped before older ones' }]);
  });
});

async function* toAsync(lines: readonly string[]) {
  yield* lines;
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAuditLog, verifyAuditExport } from '../../src/audit/audit-export.ts';
import { type AuditFixture, parseSeal, startAuditLog } from './audit-fixture.ts';

type Line = { type: string; id: number; number: number; at: string; hash: string; [name: string]: unknown };

/** Seals over the rows 1 to 3 of 2026-01, 4 to 5 of 2026-02 and 6 to 9 of 2026-03; row 10 of 2026-04 has no seal. */
let log: AuditFixture;
let whole: Line[];
beforeAll(async () => {
  log = await startAuditLog();
  for (const [month, count] of [1, 2, 3, 4].map((month, index) => [month, [3, 2, 4, 1][index]])) {
    await log.add(count);
    await log.test.query(
      `update audit_events set at = make_timestamptz(2026, $1::int, 15, 0, 0, 0) where at > now() - interval '1 day'`,
      [month],
    );
    if (month !== 4) await log.seal();
  }
  whole = await lines();
});
afterAll(() => log.close());

async function lines(range: { from?: Date; to?: Date } = {}): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of exportAuditLog(log, range)) {
    expect(line).toMatch(/^\{.*\}\n$/);
    found.push(JSON.parse(line) as Line);
  }
  return found;
}

async function* textOf(exported: readonly unknown[]) {
  for (const line of exported) yield JSON.stringify(line);
}

const verify = (exported: readonly unknown[], expected?: { number: number; hash: string }) =>
  verifyAuditExport(textOf(exported), expected);
const outline = (exported: readonly Line[]) =>
  exported.map(({ type, number, id }) => (type === 'seal' ? `seal ${number}` : type === 'event' ? id : type));

describe('exportAuditLog', () => {
  it('exports each seal, its events after it, and last the events without a seal', () => {
    expect(outline(whole)).toEqual(['seal 1', 1, 2, 3, 'seal 2', 4, 5, 'seal 3', 6, 7, 8, 9, 'unsealed', 10]);
    expect(whole[1]).toEqual({
      type: 'event',
      id: 1,
      xid: expect.stringMatching(/^\d+$/),
      at: '2026-01-15T00:00:00.000Z',
      actorId: 'alice',
      userId: 'alice',
      action: 'file.update',
      outcome: 'ok',
      sentBytes: null,
      fileId: expect.any(String),
      objectKey: 'alice/1',
      address: '192.0.2.7',
      requestId: 'request-1',
    });
  });

  it.each([
    ['2026-02-01', '2026-03-01', ['seal 2', 4, 5, 'unsealed']],
    ['2026-01-20', undefined, ['seal 2', 4, 5, 'seal 3', 6, 7, 8, 9, 'unsealed', 10]],
    [undefined, '2026-02-15', ['seal 1', 1, 2, 3, 'unsealed']],
    ['2026-02-15', '2026-03-15', ['seal 2', 4, 5, 'unsealed']],
    ['2026-04-01', undefined, ['unsealed', 10]],
    ['2026-04-15', undefined, ['unsealed', 10]],
    ['2026-04-01', '2026-04-15', ['unsealed']],
    ['2027-01-01', undefined, ['unsealed']],
  ])('exports the stretches with an event from %s until before %s', async (from, to, expected) => {
    const range = { ...(from && { from: new Date(from) }), ...(to && { to: new Date(to) }) };
    const exported = await lines(range);
    expect(outline(exported)).toEqual(expected);
    expect((await verify(exported)).broken).toEqual([]);
  });
});

describe('verifyAuditExport', () => {
  it('finds nothing in an export as it was made', async () => {
    const seal = whole.find(({ number }) => number === 3);
    const report = { broken: [], seals: 3, sealed: 9, unsealed: 1, last: expect.objectContaining({ number: 3 }) };
    expect(await verify(whole)).toEqual(report);
    expect(await verify(whole, { number: 3, hash: seal?.hash ?? '' })).toEqual(report);
  });

  it('reads an export with a byte order mark', async () => {
    async function* marked() {
      for await (const line of textOf(whole)) yield line === JSON.stringify(whole[0]) ? `\ufeff${line}` : line;
    }
    expect(await verifyAuditExport(marked())).toMatchObject({ broken: [], seals: 3, sealed: 9 });
  });

  it.each([0, 7])('finds that a file ends after line %i, as on a full disk', async (line) => {
    const message = 'the export ends here, and was cut off';
    expect((await verify(whole.slice(0, line))).broken).toEqual([{ line, message }]);
  });

  const without = (index: number) => whole.toSpliced(index, 1);
  const changed = (index: number, change: object) => whole.with(index, { ...whole[index], ...change } as Line);
  it.each([
    ['an event is missing', () => without(2), 1, '1 of its 3 rows were removed'],
    ['an event came twice', () => whole.toSpliced(2, 0, whole[2] as Line), 1, '1 rows were added to its 3'],
    [
      'an event is another',
      () => changed(5, { actorId: 'bob' }),
      5,
      'a row, this seal or the previous one was changed',
    ],
    ['bytes were added', () => changed(5, { sentBytes: 5 }), 5, 'a row, this seal or the previous one was changed'],
    ['events changed places', () => whole.with(5, whole[6] as Line).with(6, whole[5] as Line), 5, 'a row, this seal'],
    ['a stretch is missing', () => whole.toSpliced(4, 3), 5, 'seal 2 is missing before it'],
    ['a seal is missing', () => without(4), 1, '2 rows were added to its 3'],
    ['a time of a seal is another', () => changed(4, { sealedAt: '2026-01-01T00:00:00.000Z' }), 5, 'a row, this seal'],
    [
      'a stretch pretends to be dropped',
      () => changed(4, { droppedAt: '2026-03-01T00:00:00.000Z' }),
      5,
      'dropped before',
    ],
    ['a line is no JSON of ours', () => changed(9, { type: 'x' }), 10, 'it is not a line of an export'],
    ['events come before any seal', () => whole.slice(1), 1, 'it is an event before any seal'],
  ])('finds that %s', async (_, tampered, line, message) => {
    expect((await verify(tampered())).broken).toContainEqual({ line, message: expect.stringContaining(message) });
  });

  it('finds a stretch that was rewritten with a seal of its own', async () => {
    const forged = whole.toSpliced(4, 8).map((line) => (line.type === 'event' ? { ...line, actorId: 'bob' } : line));
    const { broken } = await verify(forged);
    expect(broken).toHaveLength(1);
    // Whoever forges the hash as well breaks the chain.
    const [first, ...rest] = whole;
    const { broken: chain } = await verify([{ ...first, hash: '0'.repeat(64) }, ...rest]);
    expect(chain.map(({ line }) => line)).toEqual([1, 5]);
  });

  it('finds, by a seal stored elsewhere, that the end is missing', async () => {
    const noted = parseSeal(`3:${whole.find(({ number }) => number === 3)?.hash}`);
    expect((await verify(whole.toSpliced(7, 5), noted)).broken).toEqual([
      { line: 9, message: 'seal 3 is missing, or not the expected one' },
    ]);
  });
});

import type { SealQueries } from '../db/create-seal-queries.ts';
import type { AuditSealRow } from '../db/schema.ts';
import { hashStretch } from './hash-stretch.ts';
import { formatSeal, isMoved } from './seal-audit-log.ts';

type AuditReport = {
  /** What is wrong, by the seal's number; empty: every sealed row is as it was sealed. */
  broken: { number: number; message: string }[];
  seals: number;
  sealed: number;
  /** Rows that no seal covers yet: nothing can be said of them. */
  unsealed: number;
  /** The last seal, as `formatSeal` writes it; null without seals. */
  last: string | null;
};

/**
 * Reads the whole audit log and holds it against its seals: finds every row in a sealed stretch that was removed, added
 * or changed, and every seal that was. What it cannot tell by itself is a log whose end was cut off together with its
 * seals, or that was rewritten and sealed anew: for that it needs a seal that was noted elsewhere.
 * @param expected a seal noted earlier, as `formatSeal` writes it.
 * @throws {Problem} `database-unavailable`.
 */
export async function verifyAuditLog(
  { sealQueries }: { sealQueries: SealQueries },
  expected?: { number: number; hash: string },
): Promise<AuditReport> {
  const seals = await sealQueries.seals();
  const end = seals.at(-1);
  const isEndMoved = end !== undefined && isMoved(end, await sealQueries.horizon(end.toXid, 0));
  // The last seals of a cluster: the log went on in another one, or will.
  const closing = seals.filter((seal, index) => seals[index + 1]?.fromXid === '0' || (seal === end && isEndMoved));
  const broken: AuditReport['broken'] = [];
  let sealed = 0;
  let afterId = 0;
  let previous: AuditSealRow | undefined;
  for (const seal of seals) {
    const { number, fromXid, toXid } = seal;
    const last = closing.find((other) => other.number >= number);
    if (previous !== undefined && fromXid === '0') afterId = previous.lastId;
    const stretch = { fromXid, toXid: last === seal ? null : toXid, afterId, upToId: last?.lastId ?? null };
    const found = await hashStretch(previous?.hash ?? null, seal, sealQueries.rows(stretch), previous?.lastId ?? 0);
    sealed += found.events;
    const messages = [findGap(previous, seal), findChange(seal, found)].filter((message) => message !== null);
    broken.push(...messages.map((message) => ({ number, message })));
    previous = seal;
  }
  if (expected !== undefined) {
    const seal = seals.find(({ number }) => number === expected.number);
    const message = seal === undefined ? 'is expected, and is not there' : 'is not the one that is expected';
    if (seal?.hash !== expected.hash) broken.push({ number: expected.number, message });
  }
  return {
    ...{ broken, seals: seals.length, sealed },
    unsealed: (await sealQueries.count()) - sealed,
    last: end === undefined ? null : formatSeal(end),
  };
}

/** What is wrong between a seal and the one before it. */
function findGap(previous: AuditSealRow | undefined, { number, fromXid }: AuditSealRow): string | null {
  const expected = (previous?.number ?? 0) + 1;
  if (number !== expected) return `seal ${expected} is missing before it`;
  const isAdjoining = fromXid === (previous?.toXid ?? '0') || fromXid === '0';
  return isAdjoining ? null : 'it does not begin where the seal before ends';
}

/** What is wrong between a seal and the rows of its stretch. */
function findChange(seal: AuditSealRow, found: Awaited<ReturnType<typeof hashStretch>>): string | null {
  const more = found.events - seal.events;
  if (more < 0) return `${-more} of its ${seal.events} rows were removed`;
  if (more > 0) return `${more} rows were added to its ${seal.events}`;
  const isSame = found.hash === seal.hash && found.lastId === seal.lastId;
  return isSame ? null : 'a row, this seal or the one before was changed';
}

import type { AuditSealRow } from '../db/audit-schema.ts';
import type { SealQueries } from '../db/create-seal-queries.ts';
import { hashStretch } from './hash-stretch.ts';
import { formatSeal } from './seal-audit-log.ts';
import { sealedStretches } from './sealed-stretches.ts';

type AuditReport = {
  /** Each fault, with the seal's number; empty if every sealed row is unchanged. */
  broken: { number: number; message: string }[];
  seals: number;
  sealed: number;
  /** Seals whose rows were dropped (`dropStretches`), so that there is nothing to compare. */
  dropped: number;
  /** Rows without a seal: they cannot be verified yet. */
  unsealed: number;
  /** The last seal, as `formatSeal` writes it; null without seals. */
  last: string | null;
};

/**
 * Compares the whole audit log with its seals: finds every row that was removed, added or changed after sealing, and
 * every seal that was. It needs a seal stored outside the database to find that the end of the log was cut off together
 * with its seals, or that the log was rewritten and sealed again.
 * @param expected a seal stored earlier, as `formatSeal` writes it.
 * @throws {Problem} `database-unavailable`.
 */
export async function verifyAuditLog(
  { sealQueries }: { sealQueries: SealQueries },
  expected?: { number: number; hash: string },
): Promise<AuditReport> {
  const { sealed: stretches } = await sealedStretches(sealQueries);
  const broken: AuditReport['broken'] = [];
  let sealed = 0;
  for (const { seal, previous, stretch } of stretches) {
    const { number } = seal;
    const found = await hashStretch(previous, seal, sealQueries.rows(stretch));
    sealed += found.events;
    const messages = [findGap(previous, seal), findChange(seal, found)].filter((message) => message !== null);
    broken.push(...messages.map((message) => ({ number, message })));
  }
  const end = stretches.at(-1)?.seal;
  const dropped = stretches.filter(({ seal }) => seal.droppedAt !== null).length;
  if (expected !== undefined) {
    const seal = stretches.map(({ seal }) => seal).find(({ number }) => number === expected.number);
    const message = seal === undefined ? 'is expected but missing' : 'is not the expected seal';
    if (seal?.hash !== expected.hash) broken.push({ number: expected.number, message });
  }
  return {
    broken,
    seals: stretches.length,
    sealed,
    dropped,
    unsealed: (await sealQueries.count()) - sealed,
    last: end === undefined ? null : formatSeal(end),
  };
}

/** The fault between a seal and the previous one; null if there is none. */
export function findGap(
  previous: AuditSealRow | undefined,
  { number, fromXid, droppedAt }: AuditSealRow,
): string | null {
  const expected = (previous?.number ?? 0) + 1;
  if (number !== expected) return `seal ${expected} is missing before it`;
  if (droppedAt !== null && previous?.droppedAt === null) return 'its rows were dropped before older ones';
  const isAdjoining = fromXid === (previous?.toXid ?? '0') || fromXid === '0';
  return isAdjoining ? null : 'it does not begin where the previous seal ends';
}

/** The fault between a seal and its rows; null if there is none. */
export function findChange(seal: AuditSealRow, found: Awaited<ReturnType<typeof hashStretch>>): string | null {
  if (seal.droppedAt !== null) return found.events === 0 ? null : `${found.events} rows are in its dropped stretch`;
  const more = found.events - seal.events;
  if (more < 0) return `${-more} of its ${seal.events} rows were removed`;
  if (more > 0) return `${more} rows were added to its ${seal.events}`;
  const isSame = found.hash === seal.hash && found.lastId === seal.lastId;
  return isSame ? null : 'a row, this seal or the previous one was changed';
}

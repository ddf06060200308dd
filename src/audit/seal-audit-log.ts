import type { AuditSealRow } from '../db/audit-schema.ts';
import type { Horizon, SealQueries, Stretch } from '../db/create-seal-queries.ts';
import { hashStretch } from './hash-stretch.ts';

export type SealServices = { sealQueries: SealQueries; now: () => Date };

/** A seal as text, to be stored outside the database: `<number>:<hash>`. */
export const formatSeal = ({ number, hash }: Pick<AuditSealRow, 'number' | 'hash'>) => `${number}:${hash}`;

/**
 * Seals the rows added to the audit log since the last seal: a hash over these rows and that seal. A seal covers the
 * transactions before the oldest running one, since all their rows are visible. So writers and sealers never wait for
 * each other; a long transaction, anywhere in the cluster, only delays the sealing of later rows. Rows are read in
 * pages, and two sealers at once make one seal.
 *
 * A log that was restored from a dump into another cluster, where transaction ids start again, is first sealed to its
 * end; the next seal starts after that, at transaction 0.
 * @returns the number of sealed rows, and the seal. Store it outside the database: only that reveals a log that was
 * rewritten as a whole. null if there was nothing to seal, or another instance sealed it.
 * @throws {Problem} `database-unavailable`.
 */
export async function sealAuditLog({
  sealQueries,
  now,
}: SealServices): Promise<{ sealed: number; seal: string } | null> {
  const last = await sealQueries.last();
  // Read after the last seal and before any row: transactions that have ended by then are complete.
  const horizon = await sealQueries.horizon(last.seal?.toXid ?? '0', last.afterId);
  const stretch = nextStretch(last, horizon);
  const { fromXid, toXid } = stretch;
  const head = { number: (last.seal?.number ?? 0) + 1, fromXid, toXid, sealedAt: now() };
  const sum = await hashStretch(last.seal ?? undefined, head, sealQueries.rows(stretch));
  if (sum.events === 0) return null;
  const seal = { ...head, ...sum, droppedAt: null };
  return (await sealQueries.add(seal)) ? { sealed: seal.events, seal: formatSeal(seal) } : null;
}

function nextStretch(
  { seal, afterId }: Awaited<ReturnType<SealQueries['last']>>,
  horizon: Horizon,
): Stretch & { toXid: string } {
  const fromXid = seal?.toXid ?? '0';
  const { finishedBefore, foreignXid, foreignId } = horizon;
  if (foreignXid !== null) return { fromXid, toXid: String(BigInt(foreignXid) + 1n), afterId, upToId: foreignId };
  if (seal !== null && isMoved(seal, horizon)) {
    return { fromXid: '0', toXid: finishedBefore, afterId: seal.lastId, upToId: null };
  }
  return { fromXid, toXid: finishedBefore, afterId, upToId: null };
}

/** Whether a seal covers transactions that this cluster has not had yet, so that another cluster made it. */
export function isMoved(seal: Pick<AuditSealRow, 'toXid'>, { nextXid }: Pick<Horizon, 'nextXid'>): boolean {
  return BigInt(seal.toXid) > BigInt(nextXid);
}

import type { Horizon, SealQueries, Stretch } from '../db/create-seal-queries.ts';
import type { AuditSealRow } from '../db/schema.ts';
import { hashStretch } from './hash-stretch.ts';

export type SealServices = { sealQueries: SealQueries; now: () => Date };

/** A seal as it is noted elsewhere: `<number>:<hash>`. */
export const formatSeal = ({ number, hash }: Pick<AuditSealRow, 'number' | 'hash'>) => `${number}:${hash}`;

/**
 * Seals what was added to the audit log since the seal before: a hash over those rows and that seal. A stretch is
 * closed by what PostgreSQL says of its transactions: of all before the oldest that is running, every row is there to
 * be seen. So no writer waits for a sealer, nor a sealer for writers: a long transaction, anywhere in the cluster, only
 * puts off what was written since it began. Rows are read a page at a time, and two sealers at once make one seal.
 *
 * Restored from a dump into another cluster, whose transactions count anew, the log is sealed to its end as it came;
 * the next seal begins behind that, from transaction 0.
 * @returns how many rows were sealed, and the seal, to be noted elsewhere: only so a log that was rewritten as a whole
 * can be told. null when there was nothing to seal, or another instance sealed it.
 * @throws {Problem} `database-unavailable`.
 */
export async function sealAuditLog({
  sealQueries,
  now,
}: SealServices): Promise<{ sealed: number; seal: string } | null> {
  const last = await sealQueries.last();
  // After the last seal and before any row: what has ended by then is complete.
  const horizon = await sealQueries.horizon(last.seal?.toXid ?? '0', last.afterId);
  const stretch = nextStretch(last, horizon);
  const { fromXid, toXid } = stretch;
  const head = { number: (last.seal?.number ?? 0) + 1, fromXid, toXid, sealedAt: now() };
  const sum = await hashStretch(last.seal?.hash ?? null, head, sealQueries.rows(stretch), last.seal?.lastId ?? 0);
  if (sum.events === 0) return null;
  const seal = { ...head, ...sum };
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

/** Whether a seal closes transactions that this cluster has not had yet: then it was made in another one. */
export function isMoved(seal: Pick<AuditSealRow, 'toXid'>, { nextXid }: Pick<Horizon, 'nextXid'>): boolean {
  return BigInt(seal.toXid) > BigInt(nextXid);
}

import type { AuditSealRow } from '../db/audit-schema.ts';
import type { SealQueries, Stretch } from '../db/create-seal-queries.ts';
import { isMoved } from './seal-audit-log.ts';

/** A seal, the one before it, and the rows it covers. */
type SealedStretch = { seal: AuditSealRow; previous: AuditSealRow | undefined; stretch: Stretch };

/**
 * Every seal with its stretch of the log, from the first to the last, and the rest of the log, which has no seal yet.
 * @throws {Problem} `database-unavailable`.
 */
export async function sealedStretches(
  sealQueries: Pick<SealQueries, 'seals' | 'horizon'>,
): Promise<{ sealed: SealedStretch[]; unsealed: Stretch }> {
  const seals = await sealQueries.seals();
  const end = seals.at(-1);
  const isEndMoved = end !== undefined && isMoved(end, await sealQueries.horizon(end.toXid, 0));
  // The last seal of each cluster before the log moved to another one.
  const closing = seals.filter((seal, index) => seals[index + 1]?.fromXid === '0' || (seal === end && isEndMoved));
  let afterId = 0;
  const sealed = seals.map((seal, index) => {
    const previous = seals[index - 1];
    const last = closing.find((other) => other.number >= seal.number);
    if (previous !== undefined && seal.fromXid === '0') afterId = previous.lastId;
    const toXid = last === seal ? null : seal.toXid;
    return { seal, previous, stretch: { fromXid: seal.fromXid, toXid, afterId, upToId: last?.lastId ?? null } };
  });
  const unsealed =
    end !== undefined && isEndMoved
      ? { fromXid: '0', toXid: null, afterId: end.lastId, upToId: null }
      : { fromXid: end?.toXid ?? '0', toXid: null, afterId, upToId: null };
  return { sealed, unsealed };
}

import { systemActor } from '../contract/object-key.ts';
import type { Act } from '../db/audit-row.ts';
import type { SealQueries } from '../db/create-seal-queries.ts';
import { hashStretch } from './hash-stretch.ts';
import { sealedStretches } from './sealed-stretches.ts';
import { findChange } from './verify-audit-log.ts';

type DropReport = {
  /** The seals whose rows were dropped, or would be. */
  dropped: { number: number; events: number }[];
  /** Why it stopped before a seal; null if it did not. */
  broken: { number: number; message: string } | null;
};

/**
 * Drops old rows of the audit log: whole stretches, the oldest first, as long as all rows of a stretch are older than
 * `before`. The seals stay, so the rest of the log can still be verified. Each stretch is compared with its seal first.
 * If it differs, dropping stops before it. Each drop is an event of the log. The login needs the right to delete, which
 * the service's own login does not have.
 * @param dryRun only compares and counts.
 * @throws {Problem} `database-unavailable`.
 */
export async function dropStretches(
  { sealQueries }: { sealQueries: SealQueries },
  { before, dryRun = false }: { before: Date; dryRun?: boolean | undefined },
): Promise<DropReport> {
  const dropped: DropReport['dropped'] = [];
  const { sealed } = await sealedStretches(sealQueries);
  for (const { seal, previous, stretch } of sealed) {
    if (seal.droppedAt !== null) continue;
    const { number, events } = seal;
    const { to } = await sealQueries.span(stretch);
    if (to !== null && to >= before) break;
    const message = findChange(seal, await hashStretch(previous, seal, sealQueries.rows(stretch)));
    if (message !== null) return { dropped, broken: { number, message } };
    if (!dryRun && !(await sealQueries.drop(seal, stretch, actOf(number)))) {
      return { dropped, broken: { number, message: 'its rows changed meanwhile' } };
    }
    dropped.push({ number, events });
  }
  return { dropped, broken: null };
}

const actOf = (number: number): Act => ({
  actorId: systemActor('audit'),
  address: null,
  action: 'audit.drop',
  requestId: `seal-${number}`,
});

import { createHash } from 'node:crypto';
import type { AuditEventRow, AuditSealRow } from '../db/audit-schema.ts';

/** The columns of a seal that do not depend on its rows. */
type SealHead = Pick<AuditSealRow, 'number' | 'fromXid' | 'toXid' | 'sealedAt'>;

/**
 * The hash of a seal: SHA-256 over lines of JSON, each an array and a line break. The first line has the hash of the
 * previous seal (null for the first seal) and the seal's own number, transactions and time. A line for each row
 * follows, ordered by transaction and id, with all its columns. The last line has the number of rows and the highest id
 * so far. `sentBytes` is in the line of a row that has it. Times are ISO 8601 in UTC with milliseconds.
 * @param previous the seal before it; undefined for the first seal.
 */
export async function hashStretch(
  previous: Pick<AuditSealRow, 'hash' | 'lastId'> | undefined,
  { number, fromXid, toXid, sealedAt }: SealHead,
  rows: AsyncIterable<AuditEventRow>,
): Promise<Pick<AuditSealRow, 'events' | 'lastId' | 'hash'>> {
  const sha256 = createHash('sha256');
  const add = (line: unknown[]) => sha256.update(`${JSON.stringify(line)}\n`);
  add([previous?.hash ?? null, number, fromXid, toXid, sealedAt.toISOString()]);
  let events = 0;
  let highest = previous?.lastId ?? 0;
  for await (const row of rows) {
    const { id, xid, at, actorId, userId, action, outcome, fileId, objectKey, address, requestId, sentBytes } = row;
    const sent = sentBytes === null ? [] : [sentBytes];
    add([id, xid, at.toISOString(), actorId, userId, action, outcome, fileId, objectKey, address, requestId, ...sent]);
    events += 1;
    highest = Math.max(highest, id);
  }
  add([events, highest]);
  return { events, lastId: highest, hash: sha256.digest('hex') };
}

import { createHash } from 'node:crypto';
import type { AuditEventRow, AuditSealRow } from '../db/schema.ts';

/** What is known of a seal before its rows are read. */
type SealHead = Pick<AuditSealRow, 'number' | 'fromXid' | 'toXid' | 'sealedAt'>;

/**
 * The hash of a seal: SHA-256 over lines of JSON, each an array, its end included. The first is the hash of the seal
 * before (null for the first seal) and the seal's own number, stretch and time; then one for each row, in the order of
 * transaction and id, with all its columns; the last is the number of rows and the highest id of the log up to here.
 * Times are ISO 8601 in UTC with milliseconds.
 * @param lastId the highest id of the stretches before.
 */
export async function hashStretch(
  previousHash: string | null,
  { number, fromXid, toXid, sealedAt }: SealHead,
  rows: AsyncIterable<AuditEventRow>,
  lastId: number,
): Promise<Pick<AuditSealRow, 'events' | 'lastId' | 'hash'>> {
  const sha256 = createHash('sha256');
  const add = (line: unknown[]) => sha256.update(`${JSON.stringify(line)}\n`);
  add([previousHash, number, fromXid, toXid, sealedAt.toISOString()]);
  let events = 0;
  let highest = lastId;
  for await (const row of rows) {
    const { id, xid, at, actorId, userId, action, outcome, fileId, objectKey, address, requestId } = row;
    add([id, xid, at.toISOString(), actorId, userId, action, outcome, fileId, objectKey, address, requestId]);
    events += 1;
    highest = Math.max(highest, id);
  }
  add([events, highest]);
  return { events, lastId: highest, hash: sha256.digest('hex') };
}

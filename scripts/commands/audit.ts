import { sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../../src/db/connect-database.ts';
import { createSealQueries, type SealQueries } from '../../src/db/create-seal-queries.ts';
import { defineServiceCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost audit seal
       signpost audit verify [--expect <number>:<hash>]

seal seals the new rows of the audit log, as the service does on its timer. verify reads the whole log and
reports sealed rows that were removed, added or changed. Keep the last seal it prints in another place: --expect
compares the log with that seal later, and finds a log that was cut off or rewritten.

Exit code: 0 every sealed row is unchanged, 1 a sealed row changed, 2 the log could not be read, 64 wrong arguments.`;

export const auditCommand = defineServiceCommand(
  { usage, allowPositionals: true, options: { expect: { type: 'string' } } },
  async ({ database: { url, driver, prepare } }, { positionals, values }) => {
    const [command] = positionals;
    const isKnown = command === 'verify' || (command === 'seal' && values.expect === undefined);
    if (!isKnown || positionals.length > 1)
      throw new UsageError('expected "seal", or "verify" with or without --expect');
    const expected = values.expect === undefined ? undefined : parseSeal(values.expect);
    if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database belongs to its service');
    const database = await connectDatabase({ url, driver, prepare, maxConnections: 1 });
    try {
      const sealQueries = createSealQueries(database);
      return await (command === 'seal' ? seal(sealQueries) : verify(sealQueries, expected));
    } finally {
      await database.close();
    }
  },
);

async function seal(sealQueries: SealQueries): Promise<number> {
  const result = await sealAuditLog({ sealQueries, now: () => new Date() });
  console.log(result === null ? 'nothing to seal' : `${result.sealed} rows sealed: ${result.seal}`);
  return EXIT.holds;
}

async function verify(sealQueries: SealQueries, expected: ReturnType<typeof parseSeal> | undefined): Promise<number> {
  const { broken, seals, sealed, unsealed, last } = await verifyAuditLog({ sealQueries }, expected);
  for (const { number, message } of broken) console.log(`seal ${number}: ${message}`);
  console.log(`${seals} seals over ${sealed} rows; ${unsealed} rows are not sealed yet`);
  if (last !== null) console.log(`last seal: ${last}`);
  if (broken.length > 0) return EXIT.found;
  console.log('every sealed row is unchanged');
  return EXIT.holds;
}

/** @throws {UsageError} if the text is not a seal as `audit seal` prints it. */
function parseSeal(text: string): { number: number; hash: string } {
  const [, number, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined) throw new UsageError('--expect takes a seal, <number>:<hash>');
  return { number: Number(number), hash };
}

// npm run audit:seal; npm run audit:verify [-- --expect <number>:<hash>]
import { sealAuditLog } from '../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../src/db/connect-database.ts';
import { createSealQueries, type SealQueries } from '../src/db/create-seal-queries.ts';
import { EXIT, runCommand, UsageError } from '../src/start/run.ts';

const usage = `usage: npm run audit:seal
       npm run audit:verify [-- --expect <number>:<hash>]

The first seals what was added to the audit log, as the service does on its timer. The second reads the whole log, and
says which sealed rows were removed, added or changed. The last seal it prints is worth noting elsewhere: --expect holds
the log against it another day, and finds an end that was cut off or written anew.

Exit code: 0 every sealed row is as it was, 1 a sealed row is not, 2 the log could not be read, 64 wrong arguments.`;

await runCommand(
  { usage, allowPositionals: true, options: { expect: { type: 'string' } } },
  async ({ database: { url, driver, prepare } }, { positionals, values }) => {
    const [command] = positionals;
    const isKnown = command === 'verify' || (command === 'seal' && values.expect === undefined);
    if (!isKnown || positionals.length > 1) throw new UsageError('these arguments do not fit');
    const expected = values.expect === undefined ? undefined : parseSeal(values.expect);
    if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database belongs to its service');
    const database = connectDatabase({ url, driver, prepare, maxConnections: 1 });
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
  console.log('every sealed row is as it was sealed');
  return EXIT.holds;
}

/** @throws {UsageError} where it is not a seal as `audit:seal` prints it. */
function parseSeal(text: string): { number: number; hash: string } {
  const [, number, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined) throw new UsageError('--expect takes a seal, <number>:<hash>');
  return { number: Number(number), hash };
}

// npm run audit:seal; npm run audit:verify [-- --expect <number>:<hash>]
import { parseArgs } from 'node:util';
import { sealAuditLog } from '../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../src/db/connect-database.ts';
import { createSealQueries, type SealQueries } from '../src/db/create-seal-queries.ts';
import { run } from '../src/run.ts';

const USAGE = `usage: npm run audit:seal
       npm run audit:verify [-- --expect <number>:<hash>]

The first seals what was added to the audit log, as the service does on its timer. The second reads the whole log, says
which sealed rows were removed, added or changed, and ends with 1 if any were. The last seal it prints is worth noting
elsewhere: --expect holds the log against it another day, and finds an end that was cut off or written anew.`;

await run(async ({ database: { url, driver } }) => {
  const { command, expected } = readArguments();
  if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database belongs to its service');
  const database = connectDatabase({ url, driver, maxConnections: 1 });
  try {
    const sealQueries = createSealQueries(database);
    await (command === 'seal' ? seal(sealQueries) : verify(sealQueries, expected));
  } finally {
    await database.close();
  }
});

async function seal(sealQueries: SealQueries): Promise<void> {
  const result = await sealAuditLog({ sealQueries, now: () => new Date() });
  console.log(result === null ? 'nothing to seal' : `${result.sealed} rows sealed: ${result.seal}`);
}

async function verify(sealQueries: SealQueries, expected: { number: number; hash: string } | undefined): Promise<void> {
  const { broken, seals, sealed, unsealed, last } = await verifyAuditLog({ sealQueries }, expected);
  for (const { number, message } of broken) console.log(`seal ${number}: ${message}`);
  console.log(`${seals} seals over ${sealed} rows; ${unsealed} rows are not sealed yet`);
  if (last !== null) console.log(`last seal: ${last}`);
  if (broken.length === 0) return console.log('every sealed row is as it was sealed');
  process.exitCode = 1;
}

function readArguments() {
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { expect: { type: 'string' } } });
    const [, number, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(values.expect ?? '') ?? [];
    const expected = number === undefined || hash === undefined ? undefined : { number: Number(number), hash };
    const [command] = positionals;
    const isKnown = command === 'verify' || (command === 'seal' && values.expect === undefined);
    if (isKnown && positionals.length === 1 && (values.expect === undefined) === (expected === undefined)) {
      return { command, expected };
    }
  } catch {
    // An option that does not exist: the same answer.
  }
  throw new Error(USAGE);
}

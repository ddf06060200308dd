import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { exportAuditLog, verifyAuditExport } from '../../src/audit/audit-export.ts';
import { dropStretches } from '../../src/audit/drop-stretches.ts';
import { formatSeal, sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { isoTime } from '../../src/contract/fields.ts';
import { connectDatabase } from '../../src/db/connect-database.ts';
import { createSealQueries, type SealQueries } from '../../src/db/create-seal-queries.ts';
import { sqlState } from '../../src/db/query-database.ts';
import { readConfig } from '../../src/start/run.ts';
import { defineCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost audit seal
       signpost audit verify [--file FILE] [--expect <number>:<hash>]
       signpost audit export [--from TIME] [--to TIME]
       signpost audit drop --before TIME [--dry-run]

seal seals the new rows of the audit log, as the service does on its timer.

verify reads the whole log and reports sealed rows that were removed, added or changed. Keep the last seal it prints in
another place: --expect compares the log with that seal later, and finds a log that was cut off or rewritten. With
--file it verifies an export, and needs no database.

export prints the log as JSON lines, with the seals: all stretches that have an event from --from until before --to.

drop deletes old rows, in whole sealed stretches whose rows are all older than --before; the seals stay. Export them
first. It needs a DATABASE_URL with the tables' owner.

TIME is a day (2026-11-01, in UTC) or a time (2026-11-01T00:00:00Z).

Exit code: 0 every sealed row is unchanged, 1 a sealed row changed, 2 the log could not be read, 64 wrong arguments.`;

type Values = { [Name in 'expect' | 'file' | 'from' | 'to' | 'before']?: string } & { 'dry-run'?: boolean };

type Action = { options: readonly (keyof Values)[]; run: (values: Values) => Promise<number> };

const ACTIONS: Record<string, Action> = {
  seal: { options: [], run: () => onLog(seal) },
  verify: { options: ['expect', 'file'], run: verify },
  export: { options: ['from', 'to'], run: exportLog },
  drop: { options: ['before', 'dry-run'], run: drop },
};

export const auditCommand = defineCommand(
  {
    usage,
    allowPositionals: true,
    words: Object.keys(ACTIONS),
    options: {
      expect: { type: 'string' },
      file: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      before: { type: 'string' },
      'dry-run': { type: 'boolean' },
    },
  },
  async ({ positionals, values }) => {
    const [name = '', ...more] = positionals;
    const action = more.length === 0 ? ACTIONS[name] : undefined;
    if (action === undefined) throw new UsageError(`expected one of: ${Object.keys(ACTIONS).join(', ')}`);
    const unknown = Object.keys(values).find((option) => !action.options.some((known) => known === option));
    if (unknown !== undefined) throw new UsageError(`audit ${name} has no option --${unknown}`);
    return action.run(values);
  },
);

async function onLog(run: (sealQueries: SealQueries) => Promise<number>): Promise<number> {
  const { url, driver, prepare } = readConfig().database;
  if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database belongs to its service');
  const database = await connectDatabase({ url, driver, prepare, maxConnections: 1 });
  try {
    return await run(createSealQueries(database));
  } finally {
    await database.close();
  }
}

async function seal(sealQueries: SealQueries): Promise<number> {
  const result = await sealAuditLog({ sealQueries, now: () => new Date() });
  console.log(result === null ? 'nothing to seal' : `${result.sealed} rows sealed: ${result.seal}`);
  return EXIT.holds;
}

async function verify({ expect, file }: Values): Promise<number> {
  const expected = expect === undefined ? undefined : parseSeal(expect);
  if (file !== undefined) {
    const lines = createInterface({
      input: (await open(file)).createReadStream(),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    const { broken, last, ...counts } = await verifyAuditExport(lines, expected);
    const messages = broken.map(({ line, message }) => `line ${line}: ${message}`);
    return report({ ...counts, messages, last: last && formatSeal(last) });
  }
  return onLog(async (sealQueries) => {
    const { broken, dropped, ...counts } = await verifyAuditLog({ sealQueries }, expected);
    const messages = broken.map(({ number, message }) => `seal ${number}: ${message}`);
    const code = report({ ...counts, messages });
    if (dropped > 0) console.log(`seals whose rows were dropped, and cannot be verified here: ${dropped}`);
    return code;
  });
}

type Report = { messages: string[]; seals: number; sealed: number; unsealed: number; last: string | null };

function report({ messages, seals, sealed, unsealed, last }: Report): number {
  for (const message of messages) console.log(message);
  console.log(`seals: ${seals}; sealed rows: ${sealed}; rows not sealed yet: ${unsealed}`);
  if (last !== null) console.log(`last seal: ${last}`);
  if (messages.length > 0) return EXIT.found;
  console.log('every sealed row is unchanged');
  return EXIT.holds;
}

function exportLog({ from, to }: Values): Promise<number> {
  const range = { from: parseTime('--from', from), to: parseTime('--to', to) };
  return onLog(async (sealQueries) => {
    await pipeline(exportAuditLog({ sealQueries }, range), process.stdout, { end: false });
    return EXIT.holds;
  });
}

function drop({ before, 'dry-run': dryRun }: Values): Promise<number> {
  const time = parseTime('--before', before);
  if (time === undefined) throw new UsageError('--before TIME is missing');
  return onLog(async (sealQueries) => {
    const { dropped, broken } = await dropStretches({ sealQueries }, { before: time, dryRun }).catch((error) => {
      if (sqlState(error) !== '42501') throw error;
      throw new Error("this login may not delete audit events: use a DATABASE_URL with the tables' owner");
    });
    for (const { number, events } of dropped) {
      console.log(`seal ${number}: ${events} rows ${dryRun ? 'would be dropped' : 'dropped'}`);
    }
    if (dropped.length === 0) console.log('no sealed stretch is that old as a whole');
    if (broken === null) return EXIT.holds;
    console.log(`seal ${broken.number}: ${broken.message}; it and what follows stay`);
    return EXIT.found;
  });
}

/** @throws {UsageError} if the text is not a day or a time. */
function parseTime(option: string, text: string | undefined): Date | undefined {
  const parsed = isoTime.optional().safeParse(text);
  if (!parsed.success) throw new UsageError(`${option} takes a day or a time of ISO 8601, with its zone`);
  return parsed.data;
}

/** @throws {UsageError} if the text is not a seal as `audit seal` prints it. */
function parseSeal(text: string): { number: number; hash: string } {
  const [, number, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined) throw new UsageError('--expect takes a seal, <number>:<hash>');
  return { number: Number(number), hash };
}

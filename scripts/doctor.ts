// npm run doctor
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatCheck } from '../src/doctor/check.ts';
import { runDoctor } from '../src/doctor/run-doctor.ts';
import { run } from '../src/run.ts';

const USAGE = `usage: npm run doctor

Tries on the configured bucket, database and key what the service will do with them, and prints what holds, what does
not, and what mends it. What it stores it removes. The exit code is 1 when something does not hold.`;

await run(async (config) => {
  if (readFlags().help) return console.log(USAGE);
  const stopping = new AbortController();
  // A terminal signals npm as well, which passes it on: the second one is the same.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());
  const style = process.stdout.isTTY ? 'terminal' : 'plain';
  const checks = await runDoctor(config, {
    migrationsFolder: fileURLToPath(new URL('../drizzle', import.meta.url)),
    now: () => new Date(),
    signal: stopping.signal,
    report: (check) => console.log(formatCheck(check, style)),
  });
  const count = (verdict: string) => checks.filter((check) => check.verdict === verdict).length;
  const stopped = stopping.signal.aborted ? ', stopped before the end' : '';
  console.log(`\n${count('ok')} hold, ${count('warn')} to look at, ${count('fail')} to mend${stopped}`);
  process.exit(count('fail') > 0 || stopping.signal.aborted ? 1 : 0);
});

function readFlags() {
  try {
    return parseArgs({ options: { help: { type: 'boolean', default: false } } }).values;
  } catch {
    throw new Error(USAGE);
  }
}

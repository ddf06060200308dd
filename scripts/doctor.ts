// npm run doctor -- [--strict]
import { fileURLToPath } from 'node:url';
import { formatCheck } from '../src/doctor/check.ts';
import { runDoctor } from '../src/doctor/run-doctor.ts';
import { EXIT, runCommand } from '../src/run.ts';

const usage = `usage: npm run doctor -- [--strict]

Tries on the configured bucket, database and key what the service will do with them, and prints what holds, what does
not, and what mends it. What it stores it removes.
  --strict  warnings count as findings, too: for a check before a deployment

Exit code: 0 everything holds, 1 something does not, 2 nothing worse than that the bucket or the database could not be
reached, or it was stopped before the end, 64 wrong arguments.`;

const options = { strict: { type: 'boolean', default: false } } as const;

await runCommand({ usage, options }, async (config, { values: { strict } }) => {
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
  const found = checks.filter(({ verdict, unreachable }) => verdict === 'fail' && !unreachable).length;
  if (found > 0 || (strict && count('warn') > 0)) return EXIT.found;
  return count('fail') > 0 || stopping.signal.aborted ? EXIT.failed : EXIT.holds;
});

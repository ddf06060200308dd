// npm run doctor -- [--strict] [--token <jwt>]
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Config } from '../src/config/config.ts';
import { type Check, formatCheck } from '../src/doctor/check.ts';
import { explainToken } from '../src/doctor/explain-token.ts';
import { runDoctor } from '../src/doctor/run-doctor.ts';
import { EXIT, runCommand, UsageError } from '../src/start/run.ts';

const usage = `usage: npm run doctor -- [--strict] [--token <jwt>]

Tries on the configured bucket, database and key what the service will do with them, and prints what holds, what does
not, and what mends it. What it stores it removes.
  --strict  warnings count as findings, too: for a check before a deployment
  --token   explains a token instead: which check it fails, or whom it stands for and what it may do. With - it is read
            from standard input or, where nothing comes, from TOKEN, and so stays out of process lists and of what npm
            prints

Exit code: 0 everything holds, 1 something does not, 2 nothing worse than that the bucket or the database could not be
reached, or it was stopped before the end, 64 wrong arguments.`;

const options = { strict: { type: 'boolean', default: false }, token: { type: 'string' } } as const;

await runCommand({ usage, options }, async (config, { values: { strict, token } }) => {
  const stopping = new AbortController();
  // A terminal signals npm as well, which passes it on: the second one is the same.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());
  const style = process.stdout.isTTY ? 'terminal' : 'plain';
  const report = (check: Check) => console.log(formatCheck(check, style));
  const now = () => new Date();
  const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
  const checks: readonly Check[] =
    token === undefined
      ? await runDoctor(config, { migrationsFolder, now, signal: stopping.signal, report })
      : await explained(config, token, report);
  const count = (verdict: string) => checks.filter((check) => check.verdict === verdict).length;
  const stopped = stopping.signal.aborted ? ', stopped before the end' : '';
  console.log(`\n${count('ok')} hold, ${count('warn')} to look at, ${count('fail')} to mend${stopped}`);
  const found = checks.filter(({ verdict, unreachable }) => verdict === 'fail' && !unreachable).length;
  if (found > 0 || (strict && count('warn') > 0)) return EXIT.found;
  return count('fail') > 0 || stopping.signal.aborted ? EXIT.failed : EXIT.holds;
});

async function explained(config: Config, token: string, report: (check: Check) => void): Promise<Check[]> {
  const piped = token === '-' && !process.stdin.isTTY ? (await text(process.stdin)).trim() : '';
  const jwt = token === '-' ? piped || process.env.TOKEN : token;
  if (!jwt) throw new UsageError('--token - takes a token from standard input or from TOKEN, and there is none');
  const checks: Check[] = [];
  for await (const check of explainToken(config, jwt, () => new Date())) {
    report(check);
    checks.push(check);
  }
  return checks;
}

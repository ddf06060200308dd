import { text } from 'node:stream/consumers';
import type { Config } from '../../src/config/config.ts';
import { type Check, formatCheck } from '../../src/doctor/check.ts';
import { explainToken } from '../../src/doctor/explain-token.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { defineServiceCommand, EXIT, UsageError } from '../command.ts';

const usage = `usage: signpost doctor [--strict] [--token <jwt>]

Tests the configured bucket, database, key, scanner and receiver the way the service uses them, and prints what works,
what fails, and how to fix it. It removes everything it stores.
  --strict  treats warnings as failures: for a check before a deployment
  --token   explains a token instead: which check it fails, or which user it identifies and what it may do. With -, the
            token is read from standard input or, if that is empty, from TOKEN; this keeps it out of process lists and
            of npm's output

Exit code: 0 no check failed, 1 a check failed, 2 the bucket, the database or another server could not be reached, or
the doctor was stopped early, and no other check failed, 64 wrong arguments.`;

const options = { strict: { type: 'boolean', default: false }, token: { type: 'string' } } as const;

export const doctorCommand = defineServiceCommand({ usage, options }, async (config, { values: { strict, token } }) => {
  const stopping = new AbortController();
  // A terminal sends the signal to npm as well, and npm forwards it: the second signal changes nothing.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort());
  const style = process.stdout.isTTY ? 'terminal' : 'plain';
  const report = (check: Check) => console.log(formatCheck(check, style));
  const now = () => new Date();
  const checks: readonly Check[] =
    token === undefined
      ? await runDoctor(config, { now, signal: stopping.signal, report })
      : await explained(config, token, report);
  const count = (verdict: string) => checks.filter((check) => check.verdict === verdict).length;
  const stopped = stopping.signal.aborted ? ', stopped before the end' : '';
  const counted = (verdict: string, noun: string) => `${count(verdict)} ${noun}${count(verdict) === 1 ? '' : 's'}`;
  console.log(`\n${count('ok')} ok, ${counted('warn', 'warning')}, ${counted('fail', 'failure')}${stopped}`);
  const found = checks.filter(({ verdict, unreachable }) => verdict === 'fail' && !unreachable).length;
  if (found > 0 || (strict && count('warn') > 0)) return EXIT.found;
  return count('fail') > 0 || stopping.signal.aborted ? EXIT.failed : EXIT.holds;
});

async function explained(config: Config, token: string, report: (check: Check) => void): Promise<Check[]> {
  const piped = token === '-' && !process.stdin.isTTY ? (await text(process.stdin)).trim() : '';
  const jwt = token === '-' ? piped || process.env.TOKEN : token;
  if (!jwt) throw new UsageError('--token - reads a token from standard input or from TOKEN, but both are empty');
  const checks: Check[] = [];
  for await (const check of explainToken(config, jwt, () => new Date())) {
    report(check);
    checks.push(check);
  }
  return checks;
}

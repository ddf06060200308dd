import type { Config } from '../config/config.ts';
import { askClamd } from '../net/clamd.ts';
import { reasonOf } from '../net/reason-of.ts';
import { type Check, fail, ok, unreachable } from './check.ts';

const REMEDY = 'SCAN, or clamd: docs/scanning.md';

/** Asks the scanner of held files whether it is there, and for its version; nothing without `SCAN`. */
export async function* checkScanner({ limits }: Pick<Config, 'limits'>, signal: AbortSignal): AsyncIterable<Check> {
  const { scan } = limits;
  if (scan === null) return;
  const name = 'scanner: clamd';
  try {
    const answer = await askClamd(scan, 'PING', signal);
    if (answer !== 'PONG') return yield fail(name, `answers ${JSON.stringify(answer.slice(0, 40))} to PING`, REMEDY);
    const version = await askClamd(scan, 'VERSION', signal);
    yield ok(name, `${version.slice(0, 80)}; that it reports exceeded limits cannot be tested`);
  } catch (error) {
    if (!signal.aborted) yield unreachable(name, `${reasonOf(error)}: files stay held`, REMEDY);
  }
}

import { type Check, fail, ok } from './check.ts';
import type { Answer } from './open-trial.ts';

/** The fix for a store that accepts what it should refuse. */
export const NOT_CHECKED = 'another store: this one does not check what is signed';

/** A request that the bucket should refuse: with a 4xx, or with 501 for a header it does not support. */
export function refused(name: string, answer: Answer): Check {
  const isRefused = (answer.status >= 400 && answer.status < 500) || answer.status === 501;
  if (isRefused) return ok(name, `refused (${describe(answer)})`);
  return fail(name, `not refused (${describe(answer)})`, answer.ok ? NOT_CHECKED : undefined);
}

/** The status of the bucket's answer, and its error code if there is one. */
export function describe({ status, code }: Answer): string {
  return `${status} ${code}`.trim();
}

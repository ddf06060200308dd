import { type Check, fail, ok } from './check.ts';
import type { Answer } from './open-trial.ts';

/** What mends a store that takes what it should refuse. */
export const NOT_CHECKED = 'another store: this one does not check what is signed';

/** A request the bucket should refuse: 4xx, or the 501 of a header it does not know. */
export function refused(name: string, answer: Answer): Check {
  const isRefused = (answer.status >= 400 && answer.status < 500) || answer.status === 501;
  if (isRefused) return ok(name, `refused (${describe(answer)})`);
  return fail(name, `not refused (${describe(answer)})`, answer.ok ? NOT_CHECKED : undefined);
}

/** An answer of the bucket: its status, and the code where there is one. */
export function describe({ status, code }: Answer): string {
  return `${status} ${code}`.trim();
}

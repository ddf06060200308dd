import type { Caller } from '../auth/caller.ts';
import { PROBLEMS, Problem } from '../contract/errors.ts';
import type { Act, AuditAction } from '../db/audit-row.ts';
import { type AuditServices, actOf, recordRefusal, type Target } from './record-events.ts';

/** A caller with the action that its rows in the audit log name. */
export type ActingCaller = Caller & { act: Act };

/**
 * Wraps a domain function with its action in the audit log. A refusal (4xx) adds a row for each target; on success the
 * function writes its own rows with `caller.act`, in the same statement as its changes. If the log cannot be written,
 * the caller still gets the refusal. The callers (`recordActs`, `createCalls`) add the row of `forbidden`, because they
 * check the scope before.
 * @param targetOf the targets in the arguments, as the caller named them; they need not exist.
 * @returns the wrapped function; it throws what `run` throws.
 */
export function audited<Services extends AuditServices, Input extends readonly unknown[], Result>(
  action: AuditAction,
  run: (services: Services, caller: ActingCaller, ...input: Input) => Promise<Result>,
  targetOf: (...input: Input) => Target | readonly Target[],
): (services: Services, caller: Caller, ...input: Input) => Promise<Result> {
  return async (services, caller, ...input) => {
    try {
      return await run(services, { ...caller, act: actOf(caller, action) }, ...input);
    } catch (error) {
      const isRefusal = error instanceof Problem && PROBLEMS[error.code].status < 500;
      if (isRefusal && error.code !== 'forbidden') {
        await recordRefusal(services, caller, action, targetOf(...input), error);
      }
      throw error;
    }
  };
}

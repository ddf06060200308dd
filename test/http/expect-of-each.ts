import { expect } from 'vitest';
import { answerAt, codesOf, operations } from '../helpers/description.ts';
import type { TestService } from '../helpers/test-service.ts';
import { ask, type Call, type Calls } from './operation-calls.ts';

export type Change = (call: Call, id: string) => Call | null;

/**
 * Calls each operation that the description gives a problem code, and expects the code.
 * @param change what causes it in a call; null: another test shows it.
 */
export async function expectOfEach(
  code: string,
  app: TestService['app'],
  calls: Calls,
  change: Change = (call) => call,
): Promise<void> {
  const has = ({ responses }: (typeof operations)[number]) =>
    Object.values(responses).some((answer) => codesOf(answerAt(answer)).includes(code));
  const asked = operations.filter(has).flatMap(({ id }) => {
    const call = change(calls[id] ?? {}, id);
    return call === null ? [] : [{ id, call }];
  });
  const answered = await Promise.all(asked.map(async ({ id, call }) => [id, (await ask(app, id, call)).code]));
  expect(asked.length).toBeGreaterThan(0);
  expect(Object.fromEntries(answered)).toEqual(Object.fromEntries(asked.map(({ id }) => [id, code])));
}

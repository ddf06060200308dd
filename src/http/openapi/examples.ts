import type * as z from 'zod';
import type { ProblemCode } from '../../contract/errors.ts';
import type { problemAnswer } from '../../contract/problem-answer.ts';
import operations from './operation-examples.json' with { type: 'json' };
import problems from './problem-examples.json' with { type: 'json' };

/** A request, and what the service answered, by status: `test/http/openapi-examples.test.ts` writes it. */
type Example = {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  answers: Readonly<Record<string, unknown>>;
};

const OPERATIONS: Readonly<Record<string, Example>> = operations;
const PROBLEMS: Readonly<Partial<Record<ProblemCode, Pick<z.infer<typeof problemAnswer>, 'detail'>>>> = problems;

/** The example of an operation, by its id. */
export function exampleOf(id: string): Example {
  return OPERATIONS[id] ?? { answers: {} };
}

/** The example of a problem; for clients of Uppy's Companion, with the fields that they read. */
export function exampleOfProblem(code: ProblemCode, isCompanion: boolean): unknown {
  const problem = PROBLEMS[code];
  return isCompanion ? { ...problem, error: problem?.detail, message: problem?.detail } : problem;
}

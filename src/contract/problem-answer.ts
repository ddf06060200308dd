import * as z from 'zod';
import { type Mismatch, PROBLEMS, type ProblemCode } from './errors.ts';
import { answers } from './named-schemas.ts';

const isCode = (name: string): name is ProblemCode => Object.hasOwn(PROBLEMS, name);

const mismatch = z.strictObject({
  path: z.string().describe('Where: `files.3.size`, or empty for the whole.'),
  message: z.string(),
}) satisfies z.ZodType<Mismatch>;

const problem = z.strictObject({
  type: z.string().describe('`urn:signpost:problem:` and the code.'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('For people.'),
  code: z.enum(Object.keys(PROBLEMS).filter(isCode)).describe('Stable: switch on it.'),
  requestId: z.string().describe("The request in the service's log."),
  errors: z.array(mismatch).readonly().optional().describe('Each field that is invalid, or each thing that differs.'),
});

/** The body of an answer that is an error (RFC 9457). */
export const problemAnswer = problem.register(answers, { id: 'Problem' });

// The same on the routes of Uppy's Companion: its clients read one of the two further fields.
problem.extend({ error: z.string(), message: z.string() }).register(answers, { id: 'CompanionProblem' });

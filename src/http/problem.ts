import type { Context } from 'hono';
import type * as z from 'zod';
import { tokenRefusalOf } from '../auth/token-refusal.ts';
import { PROBLEMS, Problem } from '../contract/errors.ts';
import type { Logger } from '../contract/logger.ts';
import type { problemAnswer } from '../contract/problem-answer.ts';
import { answer } from './answer.ts';
import type { Env } from './env.ts';

/**
 * Any error as `application/problem+json` (RFC 9457). An error that is not a `Problem` is a bug in this service: the
 * caller gets only the request id, the log gets everything.
 */
export function answerProblem(c: Context<Env>, error: Error, logger: Logger): Response {
  const problem = toProblem(error);
  const { status, title } = PROBLEMS[problem.code];
  const requestId = c.get('requestId');
  c.set('code', problem.code);
  const refusal = tokenRefusalOf(problem);
  // Logged with the request, without a line of its own: anybody can send bad tokens, and would fill the log.
  if (refusal !== null) c.set('refusal', refusal);
  else if (status >= 500 && problem.code !== 'stopping')
    logger.error({ requestId, code: problem.code, err: problem.cause ?? error }, problem.message);
  const body = {
    type: `urn:signpost:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId,
    ...(problem.errors && { errors: problem.errors }),
    // Clients of Uppy's Companion read one of these.
    ...(c.req.path.startsWith('/s3/') && { error: problem.message, message: problem.message }),
  } satisfies z.infer<typeof problemAnswer>;
  return answer(c, status, JSON.stringify(body), { 'content-type': 'application/problem+json', ...problem.headers });
}

function toProblem(error: Error): Problem {
  if (error instanceof Problem) return error;
  return new Problem('internal-error', 'the request failed; the log has the reason under this request id', {
    cause: error,
  });
}

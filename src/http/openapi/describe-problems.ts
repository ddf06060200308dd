import { PROBLEMS, type ProblemCode } from '../../contract/errors.ts';
import { exampleOfProblem } from './examples.ts';
import { type Operation, problemsOf } from './operation.ts';

type Json = Record<string, unknown>;

const TEXT = { type: 'string' };

/** Headers that many answers have; those that are `required` are never absent. */
export const HEADERS = {
  'X-Request-Id': { description: "The request's id in the log.", required: true, schema: TEXT },
  RateLimit: { description: 'draft-ietf-httpapi-ratelimit-headers; absent without a limit.', schema: TEXT },
  'RateLimit-Policy': { description: 'draft-ietf-httpapi-ratelimit-headers; absent without a limit.', schema: TEXT },
  'Retry-After': { description: 'After how many seconds the same call may succeed.', required: true, schema: TEXT },
  'WWW-Authenticate': { description: 'RFC 6750, section 3; absent if another token would not help.', schema: TEXT },
} as const;

/** References to headers. `isCounted`: the request is known to be a user's, and counts for the rate limit. */
export function headersOf(isCounted: boolean, ...more: (keyof typeof HEADERS)[]): Json {
  const names = ['X-Request-Id', ...(isCounted ? ['RateLimit', 'RateLimit-Policy'] : []), ...more];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Headers of the problems with a status. */
function headersOfProblems({ scopes }: Operation, status: number): Json {
  const isCounted = scopes !== null && status !== 401;
  switch (status) {
    case 401:
    case 403:
      return headersOf(isCounted, 'WWW-Authenticate');
    case 409:
      return {
        ...headersOf(isCounted),
        'Retry-After': { description: 'Only if a repeated call may succeed.', schema: TEXT },
      };
    case 416:
      return {
        ...headersOf(isCounted),
        'Content-Range': { description: '`bytes */` and the size.', required: true, schema: TEXT },
      };
    case 429:
    case 503:
      return headersOf(isCounted, 'Retry-After');
    default:
      return headersOf(isCounted);
  }
}

/**
 * The problems of a route: an answer for each status, whose schema names the codes. Equal answers are described once,
 * in `shared`, under a name made of the codes.
 */
export function describeProblems(operation: Operation, isCompanion: boolean, shared: Record<string, Json>): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(operation).sort()) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses = [...byStatus].map(([status, codes]) => {
    const kind = [...(isCompanion ? ['companion'] : []), ...(operation.scopes === null ? ['open'] : [])];
    const name = [...kind, ...codes].join('.');
    shared[name] ??= {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
      headers: headersOfProblems(operation, status),
      content: {
        'application/problem+json': {
          schema: {
            allOf: [
              { $ref: `#/components/schemas/${isCompanion ? 'CompanionProblem' : 'Problem'}` },
              { type: 'object', properties: { code: { enum: codes } } },
            ],
          },
          examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOfProblem(code, isCompanion) }])),
        },
      },
    };
    return [status, { $ref: `#/components/responses/${name}` }];
  });
  return Object.fromEntries(responses);
}

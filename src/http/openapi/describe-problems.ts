import { PROBLEMS, type ProblemCode } from '../../contract/errors.ts';
import { type Operation, problemsOf } from './operation.ts';

type Json = Record<string, unknown>;

const TEXT = { type: 'string' };

/** Headers that many answers have. */
export const HEADERS = {
  'X-Request-Id': { description: "The request's id in the log.", schema: TEXT },
  RateLimit: { description: 'draft-ietf-httpapi-ratelimit-headers; absent without a limit.', schema: TEXT },
  'RateLimit-Policy': { description: 'draft-ietf-httpapi-ratelimit-headers; absent without a limit.', schema: TEXT },
  'Retry-After': { description: 'In how many seconds the same call may succeed.', schema: TEXT },
  'WWW-Authenticate': { description: 'RFC 6750, section 3; absent if another token would not help.', schema: TEXT },
} as const;

/** References to headers. */
export function headersOf({ scopes }: Operation, ...more: (keyof typeof HEADERS)[]): Json {
  const names = ['X-Request-Id', ...(scopes === null ? [] : ['RateLimit', 'RateLimit-Policy']), ...more];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const HEADERS_OF: Readonly<Record<number, (keyof typeof HEADERS)[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  409: ['Retry-After'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/**
 * The problems of a route, an answer for each status whose schema names the codes. What is equal is described once:
 * `shared` gets it, by a name made of the codes.
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
      headers: headersOf(operation, ...(HEADERS_OF[status] ?? [])),
      content: {
        'application/problem+json': {
          schema: {
            allOf: [
              { $ref: `#/components/schemas/${isCompanion ? 'CompanionProblem' : 'Problem'}` },
              { type: 'object', properties: { code: { enum: codes } } },
            ],
          },
        },
      },
    };
    return [status, { $ref: `#/components/responses/${name}` }];
  });
  return Object.fromEntries(responses);
}

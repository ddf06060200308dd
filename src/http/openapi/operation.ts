import type * as z from 'zod';
import type { ProblemCode } from '../../contract/errors.ts';
import type { Scope } from '../../contract/scopes.ts';

/** An answer: its JSON, or its headers if it has no JSON. */
type DescribedAnswer = {
  description: string;
  schema?: z.ZodType;
  /** The media type of the JSON. Default: `application/json`. */
  type?: string;
  /** The answer is bytes, not JSON. */
  bytes?: true;
  headers?: Readonly<Record<string, string>>;
};

/** The groups of routes. */
export const TAGS = {
  Uploads: 'From the choice of a file to its confirmation.',
  Downloads: 'Downloads that are signed for the bucket, or go through the service.',
  Files: 'What was uploaded and verified.',
  Uppy: "What Uppy calls: Uppy 6's `signRequest`, and the routes of its Companion.",
  Service: 'For operators, probes, the bucket, and programs that read this description.',
} as const;

/** What the description of the API (`/openapi.json`) says about a route. */
export type Operation = {
  /** The operation's name in clients that are generated from the description. */
  id: string;
  tag: keyof typeof TAGS;
  summary: string;
  /** The caller needs one of these. null: no token is needed. */
  scopes: readonly [Scope, ...Scope[]] | null;
  query?: z.ZodType;
  /** Query parameters that the schema does not name, and their description. */
  parameters?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: z.ZodType;
  answers: Readonly<Record<number, DescribedAnswer>>;
  /** Problems besides those of every route of its kind (`problemsOf`). */
  problems: readonly ProblemCode[];
};

/** By method and path, as `POST /files/:fileId/archive`. */
export type Operations = Readonly<Record<string, Operation>>;

/** All problems that a route answers. */
export function problemsOf({ scopes, query, body, problems }: Operation): ProblemCode[] {
  const ofCallers: ProblemCode[] = [
    ...(['invalid-request', 'unauthenticated', 'forbidden', 'rate-limited', 'keys-unavailable'] as const),
    'application-unavailable',
  ];
  const ofBodies: ProblemCode[] = [
    ...(['invalid-request', 'body-too-large', 'unsupported-media-type', 'rate-limited'] as const),
    'storage-unavailable',
  ];
  return [
    ...new Set([
      ...(scopes === null ? [] : ofCallers),
      ...(query === undefined ? [] : ['invalid-request' as const]),
      ...(body === undefined ? [] : ofBodies),
      ...problems,
      // Probes and the description cannot fail.
      ...(scopes === null && body === undefined ? [] : ['internal-error' as const]),
    ]),
  ];
}

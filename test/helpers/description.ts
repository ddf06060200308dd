import { describeApi } from '../../src/http/openapi/describe-api.ts';

type Header = { required?: true; $ref?: string };
type Schema = { allOf?: [unknown, { properties: { code: { enum: string[] } } }] };
export type DescribedAnswer = {
  $ref?: string;
  headers: Record<string, Header>;
  content?: Record<string, { schema: Schema }>;
};
type Operation = { operationId: string; responses: Record<string, DescribedAnswer> };

/** The description of the API, as a service without a cookie answers it. */
export const description = describeApi({ cookie: null }) as {
  paths: Record<string, Record<string, Operation>>;
  components: { headers: Record<string, Header>; responses: Record<string, DescribedAnswer> };
};

/** The operations, the paths without parameters first; those with a token in the path answer as those without. */
export const operations = Object.entries(description.paths)
  .filter(([path]) => !path.startsWith('/t/'))
  .sort(([one], [other]) => one.split('{').length - other.split('{').length)
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      path,
      method: method.toUpperCase(),
      responses: operation.responses,
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
      pointer: `#/paths/${path.replaceAll('/', '~1')}/${method}/responses/`,
    })),
  );

/** What a reference refers to. */
export function answerAt({ $ref = '', ...answer }: DescribedAnswer): Omit<DescribedAnswer, '$ref'> {
  return description.components.responses[$ref.replace('#/components/responses/', '')] ?? answer;
}

export function headerAt({ $ref = '', ...header }: Header): Header {
  return description.components.headers[$ref.replace('#/components/headers/', '')] ?? header;
}

/** The codes of a problem; none for another answer. */
export function codesOf({ content }: Omit<DescribedAnswer, '$ref'>): string[] {
  return content?.['application/problem+json']?.schema.allOf?.[1].properties.code.enum ?? [];
}

/** An answer as `getFile 200` or `getFile 404 file-not-found`, and a header as `409 Retry-After`. */
export const nameOf = (id: string, status: string | number, code?: string) =>
  [id, status, ...(code === undefined ? [] : [code])].join(' ');

/** All answers and headers that the description has. */
export const documented: ReadonlySet<string> = new Set(
  operations.flatMap(({ id, responses }) =>
    Object.entries(responses).flatMap(([status, reference]) => {
      const answer = answerAt(reference);
      const codes = codesOf(answer);
      return [
        ...(codes.length === 0 ? [nameOf(id, status)] : codes.map((code) => nameOf(id, status, code))),
        ...Object.keys(answer.headers).map((header) => nameOf(status, header)),
      ];
    }),
  ),
);

import type * as z from 'zod';
import { MAX_PARTS } from '../../contract/s3-limits.ts';
import { exampleOf } from './examples.ts';
import type { Operation } from './operation.ts';

type Json = Record<string, unknown>;
type Described = { properties: Record<string, Json>; required: readonly string[] };

const TEXT = { type: 'string' };

/** The schemas of parameters in paths, by their names. */
const IN_PATHS: Readonly<Record<string, Json>> = {
  fileId: { type: 'string', format: 'uuid', description: "The file's id, from the answer to its confirmation." },
  uploadId: { ...TEXT, description: 'From the answer that began the upload.' },
  partNumber: { type: 'integer', minimum: 1, maximum: MAX_PARTS },
  token: { ...TEXT, description: 'A token that expires soon, for clients that send no headers.' },
};

/** The parameters of an operation: of its path, its query and its headers. */
export function describeParameters(path: string, operation: Operation, schemaOf: (schema: z.ZodType) => Json): Json[] {
  const { id, scopes, query, parameters = {}, headers = {} } = operation;
  const { properties, required }: Described = { properties: {}, required: [], ...(query && schemaOf(query)) };
  const example = exampleOf(id);
  const named = (where: 'query' | 'header', all: Readonly<Record<string, string>>) =>
    Object.entries(all).map(([name, description]) => ({
      in: where,
      name,
      description,
      schema: TEXT,
      ...(where === 'query' && toExample(TEXT, example.query?.[name])),
    }));
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
      const schema = IN_PATHS[name] ?? TEXT;
      return { in: 'path', name, required: true, schema, ...toExample(schema, example.params?.[name]) };
    }),
    ...Object.entries(properties).map(([name, schema]) => ({
      in: 'query',
      name,
      required: required.includes(name),
      schema,
      // The values of a list are in one parameter, separated by commas.
      ...(schema.type === 'array' && { explode: false }),
      ...toExample(schema, example.query?.[name]),
    })),
    ...named('query', parameters),
    ...named('header', headers),
    { $ref: '#/components/parameters/requestId' },
    ...(scopes === null ? [] : [{ $ref: '#/components/parameters/onBehalfOf' }]),
  ];
}

function toExample({ type }: Json, text: string | undefined): Json {
  if (text === undefined) return {};
  if (type === 'array') return { example: text.split(',').map(Number) };
  return { example: type === 'integer' ? Number(text) : text };
}

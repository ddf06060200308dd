import * as z from 'zod';

type Json = Record<string, unknown>;
type Registry = z.core.$ZodRegistry<{ id: string }>;

const REF = '#/components/schemas/';
/** The names of schemas that are written where they are used. */
const UNNAMED = '_';

/**
 * JSON Schemas of zod's, made in one go.
 * @param named gets a name in the description; the others are written where they are used.
 * @returns the named ones, and a function that gives a schema, as a reference if it has a name.
 */
export function toJsonSchemas(named: Registry, others: Iterable<z.ZodType>, io: 'input' | 'output') {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of named._idmap) registry.add(schema, { id });
  for (const schema of others) {
    if (!registry.has(schema)) registry.add(schema, { id: `${UNNAMED}${registry._idmap.size}` });
  }
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => REF + id, unrepresentable: 'any' });
  const tidied = new Map(Object.entries(schemas).map(([id, schema]) => [id, tidyObject(schema, io)]));
  return {
    components: Object.fromEntries([...tidied].filter(([id]) => !id.startsWith(UNNAMED))),
    schemaOf: (schema: z.ZodType): Json => {
      const id = registry.get(schema)?.id ?? '';
      return id.startsWith(UNNAMED) ? (tidied.get(id) ?? {}) : { $ref: REF + id };
    },
  };
}

function tidy(value: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(value)) return value.map((each) => tidy(each, io));
  return typeof value === 'object' && value !== null ? tidyObject(value, io) : value;
}

/**
 * Leaves out what only zod needs. Answers are open to further fields; integers that may be large are `int64`, because
 * clients in other languages would take 32 bits.
 */
function tidyObject(schema: object, io: 'input' | 'output'): Json {
  const { $schema: _, $id: __, '~standard': ___, ...rest }: Json = { ...schema };
  if (typeof rest.format === 'string' || rest.type === 'integer') delete rest.pattern;
  if (rest.additionalProperties === false && io === 'output') delete rest.additionalProperties;
  if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum;
  const isLarge = rest.maximum === Number.MAX_SAFE_INTEGER;
  if (isLarge) delete rest.maximum;
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, tidy(value, io)])),
    ...(isLarge && { format: 'int64' }),
  };
}

import { type Html, html, listOf, objectOf, prose, textOf } from './html.ts';

const REF = '#/components/schemas/';
/** Keywords that bound a value, and how a reader says them. */
const BOUNDS = {
  minimum: '≥ ',
  maximum: '≤ ',
  minLength: 'length ≥ ',
  maxLength: 'length ≤ ',
  minItems: 'items ≥ ',
  maxItems: 'items ≤ ',
  pattern: 'matches ',
  default: 'default ',
};

/** A JSON Schema for people: its type, bounds and description, and a table of an object's fields. */
export function renderSchema(value: unknown): Html {
  const schema = objectOf(value);
  const fields = Object.entries(objectOf(schema.properties));
  const required = listOf(schema.required);
  const variants = [schema.anyOf, schema.oneOf, schema.allOf].flatMap(listOf);
  return html`${describeType(schema)} ${bounds(schema)} ${prose(schema.description)}${
    fields.length === 0
      ? ''
      : html`<table><tbody>${fields.map(([name, field]) => row(name, field, required.includes(name)))}</tbody></table>`
  }${variants.some(hasFields) ? html`<ul>${variants.map((each) => html`<li>${renderSchema(each)}</li>`)}</ul>` : ''}${
    hasFields(schema.items) ? renderSchema(schema.items) : ''
  }`;
}

function row(name: string, field: unknown, isRequired: boolean): Html {
  return html`<tr><th scope="row"><code>${name}</code>${isRequired ? '' : html` <small>optional</small>`}</th>
<td>${renderSchema(field)}</td></tr>`;
}

/** Whether there is more to say of a schema than its type. */
function hasFields(value: unknown): boolean {
  const { properties, items, anyOf, oneOf } = objectOf(value);
  return (
    properties !== undefined ||
    [items, ...listOf(anyOf), ...listOf(oneOf)].some((each) => each !== undefined && hasFields(each))
  );
}

/** A type in a few words: `list of string or null`, or a link to a schema with a name. */
function describeType(value: unknown): Html {
  const { $ref, type, format, const: only, enum: options, items, anyOf, oneOf, additionalProperties } = objectOf(value);
  if (typeof $ref === 'string') {
    const name = $ref.replace(REF, '');
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (only !== undefined) return html`<code>${textOf(only)}</code>`;
  if (options !== undefined) return html`${join(listOf(options).map((each) => html`<code>${textOf(each)}</code>`))}`;
  const variants = [...listOf(anyOf), ...listOf(oneOf)];
  if (variants.length > 0) return html`${join(variants.map(describeType))}`;
  if (type === 'array') return html`list of ${describeType(items)}`;
  const values = objectOf(additionalProperties);
  if (type === 'object' && values.type !== undefined) return html`object of ${describeType(values)}`;
  return html`<i>${textOf(format ?? type ?? 'any')}</i>`;
}

function join(parts: readonly Html[]): readonly Html[] {
  return parts.map((part, index) => (index === 0 ? part : html` or ${part}`));
}

function bounds(schema: Record<string, unknown>): Html {
  const said = Object.entries(BOUNDS).flatMap(([name, words]) =>
    schema[name] === undefined ? [] : `${words}${textOf(schema[name])}`,
  );
  return said.length === 0 ? html`` : html`<small>${said.join(', ')}</small>`;
}

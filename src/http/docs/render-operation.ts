import { type Html, html, listOf, objectOf, prose, textOf } from './html.ts';
import { renderSchema } from './render-schema.ts';

type Json = Record<string, unknown>;

export type ListedOperation = { path: string; method: string; described: Json };

/** Reads a reference within the description; any other object stays as it is. */
export type Resolve = (value: unknown) => Json;

/** One operation of the description: parameters, body, answers and problems, examples, and a command. */
export function renderOperation(operation: ListedOperation, resolve: Resolve): Html {
  const { path, method, described } = operation;
  const parameters = listOf(described.parameters).map(resolve);
  const { schema, example } = objectOf(objectOf(objectOf(described.requestBody).content)['application/json']);
  const responses = Object.entries(objectOf(described.responses));
  const answers = responses.map(([status, answer]) => ({ ...resolve(answer), status }));
  const scopes = new Set(listOf(described.security).flatMap((each) => Object.values(objectOf(each)).flatMap(listOf)));
  const body = html`<details open><summary>Body</summary>${renderSchema(schema)}${renderExample(example)}</details>`;
  const command = writeCommand(operation, parameters, example);
  return html`<section id="${textOf(described.operationId)}">
<h3><span class="method">${method}</span> ${path}</h3>
<p>${prose(described.summary)}</p>
<p><small>${scopes.size === 0 ? 'No token.' : `A token with ${[...scopes].map(textOf).join(' or ')}.`}</small></p>
<table><caption>Parameters</caption><tbody>${parameters.map(renderParameter)}</tbody></table>
${schema === undefined ? '' : body}
<details><summary>With curl</summary><pre tabindex="0">${command}</pre></details>
${answers.map(renderAnswer)}
</section>
`;
}

function renderParameter({ name, in: where, required, schema, description }: Json): Html {
  const how = `${textOf(where)}${required === true ? '' : ', optional'}`;
  return html`<tr><th scope="row"><code>${textOf(name)}</code> <small>${how}</small></th>
<td>${renderSchema(schema)} ${prose(description)}</td></tr>`;
}

function renderAnswer({ status, description, headers, content }: Json): Html {
  const [type] = Object.keys(objectOf(content));
  const { schema, example, examples } = objectOf(Object.values(objectOf(content))[0]);
  const has = [...(type === undefined ? [] : [type]), ...Object.keys(objectOf(headers))];
  // A problem has an example for each of its codes, in place of a schema that is always the same.
  const problems = Object.values(objectOf(examples)).map((each) => renderExample(objectOf(each).value));
  return html`<details><summary><b>${textOf(status)}</b> ${prose(description)}</summary>
<p><small>${has.join(', ')}</small></p>
${schema === undefined || problems.length > 0 ? '' : renderSchema(schema)}${renderExample(example)}${problems}</details>
`;
}

function renderExample(value: unknown): Html {
  return value === undefined ? html`` : html`<pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
}

/** The example as a command for a shell. `$SIGNPOST` is the address of the service, with the path it is mounted at. */
function writeCommand(
  { path, method, described }: ListedOperation,
  parameters: readonly Json[],
  body: unknown,
): string {
  const examples = parameters.filter((parameter) => parameter.example !== undefined);
  const value = ({ example }: Json) => encodeURIComponent(listOf(example).join(',') || textOf(example));
  const at = examples.reduce((all, each) => all.replace(`{${textOf(each.name)}}`, value(each)), path);
  const query = examples.filter((each) => each.in === 'query').map((each) => `${textOf(each.name)}=${value(each)}`);
  const url = [at, ...(query.length > 0 ? [query.join('&')] : [])].join('?');
  const json = JSON.stringify(body)?.replaceAll("'", "'\\''");
  return [
    `curl ${method === 'GET' ? '' : `-X ${method} `}"$SIGNPOST${url}"`,
    ...(listOf(described.security).length > 0 ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...(json === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${json}'`]),
  ].join(' \\\n  ');
}

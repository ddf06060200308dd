import { DOCS_STYLE } from './docs-style.ts';
import { type Html, html, listOf, objectOf, prose, textOf } from './html.ts';
import { type ListedOperation, type Resolve, renderOperation } from './render-operation.ts';
import { renderSchema } from './render-schema.ts';

type Json = Record<string, unknown>;

/**
 * The description of the API as one page of HTML, without scripts: for people, in development. Everything in it comes
 * from the description, and is escaped.
 */
export function renderDocs(description: Json): string {
  const { info, paths, tags, components } = description;
  const { schemas } = objectOf(components);
  const { title, description: about } = objectOf(info);
  const resolve: Resolve = (value) => {
    const { $ref, ...own } = objectOf(value);
    const names = typeof $ref === 'string' ? $ref.replace('#/', '').split('/') : [];
    return names.length === 0 ? own : objectOf(names.reduce<unknown>((at, name) => objectOf(at)[name], description));
  };
  const operations = Object.entries(objectOf(paths))
    .filter(([path]) => !path.startsWith('/t/'))
    .flatMap(([path, methods]) =>
      Object.entries(objectOf(methods)).map(([method, described]) => ({
        path,
        method: method.toUpperCase(),
        described: objectOf(described),
      })),
    );
  const groups = listOf(tags).map((tag) => {
    const { name, description: what } = objectOf(tag);
    return {
      name: textOf(name),
      what,
      of: operations.filter(({ described }) => listOf(described.tags).includes(name)),
    };
  });
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${textOf(title)}: the API</title>
<style>${{ html: DOCS_STYLE }}</style>
</head>
<body>
<nav aria-label="Operations">${groups.map(
    ({ name, of }) => html`<b>${name}</b>
<ul>${of.map(renderLink)}</ul>`,
  )}<b><a href="#schemas">Schemas</a></b></nav>
<main>
<h1>${textOf(title)}: the API</h1>
<p>${prose(about)}</p>
<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI ${textOf(description.openapi)}).
This page is there in development only. In the commands, <code>$SIGNPOST</code> is the address of the service, and
<code>$TOKEN</code> a bearer token.</p>
${groups.map(
  ({ name, what, of }) => html`<h2>${name}</h2>
<p>${prose(what)}</p>
${of.map((operation) => renderOperation(operation, resolve))}`,
)}
<h2 id="schemas">Schemas</h2>
${Object.entries(objectOf(schemas)).map(
  ([name, schema]) => html`<section id="schema-${name}"><h3>${name}</h3><div>${renderSchema(schema)}</div></section>`,
)}
</main>
</body>
</html>
`;
  return page.html;
}

function renderLink({ path, method, described }: ListedOperation): Html {
  return html`<li><a href="#${textOf(described.operationId)}"><small>${method}</small> ${path}</a></li>`;
}

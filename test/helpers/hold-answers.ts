import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { createApp } from '../../src/http/app.ts';
import { answerAt, codesOf, description, headerAt, nameOf, operations } from './description.ts';

type App = ReturnType<typeof createApp>;

/** Headers of all answers, of CORS, of tracing, and of answers to a token in the path. */
const COMMON = [
  'content-type',
  'content-encoding',
  'content-length',
  'cache-control',
  'x-content-type-options',
  'vary',
  'access-control-',
  'traceparent',
  'referrer-policy',
];

declare global {
  /**
   * The description's schemas, each compiled for its first answer. All files of a worker share them, though they load
   * our modules anew: compiling them for each file takes 8 % of the CPU time of the tests of routes.
   */
  var describedAnswers: { text: string; schemas: Ajv2020 } | undefined;
}

const text = JSON.stringify(description);
if (globalThis.describedAnswers?.text !== text) globalThis.describedAnswers = { text, schemas: readSchemas() };
const { schemas } = globalThis.describedAnswers;

/** The answers and headers that were seen in this test file, named by `nameOf`. */
export const seen = new Set<string>();

/** The first body of each problem in `seen`. */
export const problems = new Map<string, unknown>();

/**
 * The app, but it throws for an answer that the description does not have: by its status, its problem code, its body,
 * or its headers.
 */
export function holdAnswers(app: App): App {
  const { fetch } = app;
  app.fetch = async (request, ...more) => {
    const response = await fetch(request, ...more);
    await hold(request, response);
    return response;
  };
  return app;
}

async function hold({ method, url }: Request, response: Response): Promise<void> {
  const path = new URL(url).pathname.replace(/^\/t\/[^/]+/, '');
  const asked = method === 'HEAD' ? 'GET' : method;
  const operation = operations.find((each) => each.method === asked && each.pattern.test(path));
  // Unknown paths, other methods, and the demo page have no description.
  if (operation === undefined) return;
  const { status } = response;
  const wrong = (why: string) => new Error(`${operation.id} answered ${status}: ${why}`);
  const reference = operation.responses[status];
  if (reference === undefined) throw wrong(`not described: ${await response.clone().text()}`);
  const answer = answerAt(reference);
  for (const name of Object.keys(answer.headers))
    if (response.headers.has(name)) seen.add(nameOf(String(status), name));
  for (const why of wrongHeaders(answer.headers, response.headers)) throw wrong(why);

  const [[type, content] = []] = Object.entries(answer.content ?? {});
  if (content === undefined || type === undefined || type === '*/*') {
    if (type === undefined && response.body !== null) throw wrong('it has a body');
    seen.add(nameOf(operation.id, status));
    return;
  }
  if (response.headers.get('content-type') !== type) throw wrong(`its type is ${response.headers.get('content-type')}`);
  if (method === 'HEAD') return;
  const body: unknown = await response.clone().json();
  const answerPointer = reference.$ref ?? operation.pointer + status;
  const validate = schemas.getSchema(
    `api${answerPointer}/content/${type.replace('/', '~1').replace('+', '%2B')}/schema`,
  );
  if (validate === undefined) throw wrong('its schema is missing');
  if (!validate(body)) throw wrong(`${schemas.errorsText(validate.errors)}: ${JSON.stringify(body)}`);
  const code = codesOf(answer).find((each) => typeof body === 'object' && body && Reflect.get(body, 'code') === each);
  const name = nameOf(operation.id, status, code);
  if (code !== undefined && !seen.has(name)) problems.set(name, body);
  seen.add(name);
}

function wrongHeaders(described: Parameters<typeof answerAt>[0]['headers'], headers: Headers): string[] {
  const names = new Set(Object.keys(described).map((name) => name.toLowerCase()));
  const missing = Object.entries(described).filter(([name, of]) => headerAt(of).required && !headers.has(name));
  const unknown = [...headers.keys()].filter(
    (name) => !names.has(name) && !COMMON.some((each) => name.startsWith(each)),
  );
  return [
    ...missing.map(([name]) => `without ${name}`),
    ...unknown.map((name) => `${name} is not described`),
    ...(names.has('cache-control') || headers.get('cache-control') === 'no-store' ? [] : ['it may be cached']),
  ];
}

function readSchemas(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.addSchema(closed(description) as AnySchema, 'api');
}

/** Clients must expect further fields in answers, but the service sends none that the description does not have. */
function closed(value: unknown, isPart = false): unknown {
  if (Array.isArray(value)) return value.map((each) => closed(each, isPart));
  if (typeof value !== 'object' || value === null) return value;
  const inner = Object.entries(value).map(([name, each]) => [name, closed(each, name === 'allOf')]);
  const isOpen = !isPart && 'properties' in value && Reflect.get(value, 'type') === 'object';
  return { ...(isOpen && { additionalProperties: false }), ...Object.fromEntries(inner) };
}

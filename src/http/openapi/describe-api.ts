import * as z from 'zod';
import { answers, requests } from '../../contract/named-schemas.ts';
import '../../contract/problem-answer.ts';
import { acceptsPathToken } from '../path-token.ts';
import { auditOperations } from '../routes/audit.ts';
import { browserModuleOperations } from '../routes/browser-modules.ts';
import { companionOperations } from '../routes/companion.ts';
import { eventOperations } from '../routes/events.ts';
import { fileOperations } from '../routes/files.ts';
import { healthOperations } from '../routes/health.ts';
import { heldFileOperations } from '../routes/held-files.ts';
import { receiptKeyOperations } from '../routes/receipt-keys.ts';
import { credentialOperations } from '../routes/temporary-credentials.ts';
import { uploadOperations } from '../routes/uploads.ts';
import { describeParameters } from './describe-parameters.ts';
import { describeProblems, HEADERS, headersOf } from './describe-problems.ts';
import { exampleOf } from './examples.ts';
import { toJsonSchemas } from './json-schemas.ts';
import { type Operation, type Operations, TAGS } from './operation.ts';

type Json = Record<string, unknown>;

export const OPERATIONS: Operations = {
  ...uploadOperations,
  ...fileOperations,
  ...heldFileOperations,
  ...companionOperations,
  ...credentialOperations,
  ...auditOperations,
  ...eventOperations,
  ...receiptKeyOperations,
  ...browserModuleOperations,
  ...healthOperations,
  'GET /openapi.json': {
    id: 'describeApi',
    tag: 'Service',
    scopes: null,
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
    problems: [],
  },
};

const TEXT = { type: 'string' };

const PARAMETERS = {
  requestId: {
    in: 'header',
    name: 'X-Request-Id',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
    description: "The caller's own id for the request; if it does not match the pattern, the service uses another one.",
  },
  onBehalfOf: {
    in: 'header',
    name: 'X-On-Behalf-Of',
    schema: TEXT,
    description: 'The user to act for, with `files:admin`; for verdicts also with `files:judge`.',
  },
};

const INFO = {
  title: 'Signpost',
  version: '1',
  description:
    'Uploads that go straight to S3. Times are ISO 8601 in UTC, sizes are bytes, durations are seconds. A GET route ' +
    'answers HEAD as well. A path that is not described here gets 404 `route-not-found`; another method on a ' +
    'described path gets 405 `method-not-allowed` with `Allow`. Every answer has `Cache-Control: no-store`, except ' +
    'where another one is described.',
  license: { name: 'MIT', identifier: 'MIT' },
};

/**
 * The description of the API as OpenAPI 3.1, made from the schemas that validate requests and from those of answers.
 * @param options.cookie the cookie that may carry the token; null if none may.
 */
export function describeApi({ cookie }: { cookie: string | null }): Json {
  const operations = Object.entries(OPERATIONS);
  const all = operations.map(([, operation]) => operation);
  const inputs = all.flatMap(({ body, query }) => [body, query].filter((schema) => schema !== undefined));
  const outputs = all.flatMap((each) => Object.values(each.answers).flatMap(({ schema }) => schema ?? []));
  const schemas = {
    input: toJsonSchemas(requests, inputs, 'input'),
    output: toJsonSchemas(answers, outputs, 'output'),
  };
  const responses: Record<string, Json> = {};
  const paths: Record<string, Json> = {};
  const add = (path: string, method: string, operation: Operation, more: Json = {}) => {
    const described = { ...describeOperation(path, operation, { cookie, schemas, responses }), ...more };
    paths[path] = { ...paths[path], [method.toLowerCase()]: described };
  };
  for (const [route, operation] of operations) {
    const [method = '', path = ''] = route.replace(/:(\w+)/g, '{$1}').split(' ');
    add(path, method, operation);
    if (!acceptsPathToken(path)) continue;
    add(`/t/{token}${path}`, method, operation, { operationId: `${operation.id}ByPathToken`, security: [] });
  }
  return {
    openapi: '3.1.0',
    info: INFO,
    // Relative to the document (OpenAPI 3.1.0, "Server Object"): who mounts the service need not say where.
    servers: [{ url: '.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...schemas.input.components, ...schemas.output.components },
      responses,
      headers: HEADERS,
      parameters: PARAMETERS,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        ...(cookie !== null && { cookie: { type: 'apiKey', in: 'cookie', name: cookie } }),
      },
    },
  };
}

type Shared = {
  cookie: string | null;
  schemas: Record<'input' | 'output', ReturnType<typeof toJsonSchemas>>;
  responses: Record<string, Json>;
};

function describeOperation(path: string, operation: Operation, { cookie, schemas, responses }: Shared): Json {
  const { id, tag, summary, scopes, body } = operation;
  const example = exampleOf(id);
  const schemes = cookie === null ? ['bearer'] : ['bearer', 'cookie'];
  const described = Object.entries(operation.answers).map(([status, of]) => {
    const { description, schema, type = 'application/json', bytes, headers = {} } = of;
    const own = Object.entries(headers).map(([name, text]) => [
      name,
      { description: text, required: true, schema: TEXT },
    ]);
    const answer = example.answers[status];
    const json = schema && {
      [type]: { schema: schemas.output.schemaOf(schema), ...(answer !== undefined && { example: answer }) },
    };
    const content = bytes ? { '*/*': { schema: TEXT } } : json;
    const allHeaders = { ...headersOf(scopes !== null), ...Object.fromEntries(own) };
    return [status, { description, headers: allHeaders, ...(content && { content }) }];
  });
  return {
    operationId: id,
    tags: [tag],
    summary,
    security: (scopes ?? []).flatMap((scope) => schemes.map((scheme) => ({ [scheme]: [scope] }))),
    parameters: describeParameters(path, operation, schemas.input.schemaOf),
    ...(body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemas.input.schemaOf(body), example: example.body } },
      },
    }),
    responses: {
      ...Object.fromEntries(described),
      ...describeProblems(operation, path.includes('/s3/'), responses),
    },
  };
}

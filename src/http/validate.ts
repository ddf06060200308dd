import type { Context } from 'hono';
import type * as z from 'zod';
import { type Mismatch, Problem } from '../contract/errors.ts';
import { MAX_BODY_BYTES, takeBodySlot } from './bound-bodies.ts';
import type { Env } from './env.ts';

/** The size limit of a JSON body with a batch or a list of parts. */
export const MAX_BATCH_BODY_BYTES = 1024 * 1024;

/** The maximum number of mismatches in one answer. */
const MAX_MISMATCHES = 100;

export const JSON_TYPE = /^application\/json *(;|$)/i;
/** The content types of bucket events: SNS sends its JSON as plain text. */
export const JSON_OR_TEXT = /^(application\/json|text\/plain) *(;|$)/i;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses the request's JSON body with the schema.
 * @param mayBeLarge whether this body may exceed 64 KiB, if `maxBytes` is larger.
 * @throws {Problem} `unsupported-media-type`, `body-too-large`, `invalid-request` with every mismatch by its path, and
 * the problems of `takeBodySlot`.
 */
export async function readJson<Schema extends z.ZodType>(
  c: Context<Env>,
  schema: Schema,
  maxBytes = MAX_BODY_BYTES,
  types = JSON_TYPE,
  mayBeLarge: (body: unknown) => boolean = () => true,
): Promise<z.output<Schema>> {
  const type = c.req.header('content-type');
  if (type === undefined || !types.test(type)) {
    throw new Problem('unsupported-media-type', 'send the body as application/json');
  }
  requireSize(Number(c.req.header('content-length') ?? 0), maxBytes);
  const release = await takeBodySlot(c, maxBytes);
  try {
    const bytes = await readBody(c, maxBytes).catch(refuseBrokenBody);
    c.set('bytesIn', bytes.byteLength);
    const body = parseJson(bytes);
    if (bytes.byteLength > MAX_BODY_BYTES && !mayBeLarge(body)) requireSize(bytes.byteLength, MAX_BODY_BYTES);
    return validate(schema, body);
  } finally {
    release();
  }
}

/**
 * Parses the request's query parameters with the schema. An empty parameter counts as absent; a repeated one is
 * refused. Ignores `_`, which clients such as jQuery add to avoid caches.
 */
export function readQuery<Schema extends z.ZodType>(c: Context, schema: Schema): z.output<Schema> {
  const query: Record<string, unknown> = {};
  for (const [name, value] of new URL(c.req.url).searchParams) {
    refuseProto(name, value);
    if (Object.hasOwn(query, name)) throw new Problem('invalid-request', 'a query parameter is repeated');
    if (value !== '' && name !== '_') query[name] = value;
  }
  return validate(schema, query);
}

/**
 * Parses input of the request with the schema.
 * @throws {Problem} `invalid-request` with every mismatch by its path.
 */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new Problem('invalid-request', 'the request is invalid; errors lists each mismatch', {
    errors: result.error.issues.flatMap((issue) => toMismatches(issue, input)).slice(0, MAX_MISMATCHES),
  });
}

function toMismatches(issue: z.core.$ZodIssue, input: unknown): Mismatch[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys' && isMissing(input, issue.path)) {
    return [{ path: path.join('.'), message: 'is missing' }];
  }
  if (issue.code === 'invalid_key')
    return [{ path: path.join('.'), message: issue.issues[0]?.message ?? issue.message }];
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a field of this request' }));
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  let value: unknown = input;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return true;
    value = Reflect.get(value, name);
  }
  return value === undefined;
}

async function readBody(c: Context<Env>, maxBytes: number): Promise<Uint8Array> {
  if (c.req.header('transfer-encoding') === undefined) return new Uint8Array(await c.req.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    sizeBytes += chunk.length;
    requireSize(sizeBytes, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function requireSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes > maxBytes) throw new Problem('body-too-large', `the body may have at most ${maxBytes} bytes`);
}

/** The client disconnected or sent malformed chunks: its fault, so a 4xx. */
function refuseBrokenBody(error: unknown): never {
  throw error instanceof Problem ? error : new Problem('invalid-request', 'the body ended early or is malformed');
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Problem('invalid-request', 'the body is not JSON in UTF-8');
  }
  if (/__proto__|\\u/.test(text)) walk(text);
  return value;
}

function walk(text: string): void {
  try {
    JSON.parse(text, refuseProto);
  } catch (error) {
    // The walk recurses, unlike JSON.parse. No valid request is nested so deep.
    throw error instanceof RangeError ? new Problem('invalid-request', 'the body is nested too deep') : error;
  }
}

/** Refuses `__proto__`: schemas ignore this name instead of refusing it as unknown. */
function refuseProto(name: string, value: unknown): unknown {
  if (name === '__proto__') throw new Problem('invalid-request', '__proto__ is not a field of any request');
  return value;
}

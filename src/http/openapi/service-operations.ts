import * as z from 'zod';
import { auditPageAnswer, listAuditEventsQuery } from '../../audit/list-audit-events.ts';
import { bucketEvents } from '../../bucket-events/bucket-event.ts';
import { eventCountsAnswer } from '../../bucket-events/confirm-events.ts';
import { snsMessage } from '../../bucket-events/sns-message.ts';
import { answers } from '../../contract/components.ts';
import type { Operation, Operations } from './operation.ts';

const tag = 'Service';
const receiptKey = z.strictObject({
  kty: z.string(),
  crv: z.string(),
  x: z.string(),
  y: z.string().optional(),
  kid: z.string(),
  alg: z.string(),
  use: z.literal('sig'),
});
const part = z.string().describe('`ok`, or the reason why not.');

export const serviceOperations = {
  'GET /audit': {
    id: 'listAuditEvents',
    tag,
    scopes: ['files:read'],
    summary: "The events of the caller's files; with `files:admin` of all files",
    query: listAuditEventsQuery,
    answers: { 200: { description: 'A page, newest first', schema: auditPageAnswer } },
    problems: ['database-unavailable'],
  },
  'POST /events/s3': {
    id: 'takeBucketEvents',
    tag,
    scopes: null,
    summary: 'Confirms uploads that the bucket reports; needs `EVENTS_SECRET`, or a message signed by SNS',
    parameters: { secret: '`EVENTS_SECRET`, for stores that cannot send it as `Authorization: Bearer`' },
    headers: { 'x-amz-sns-message-type': 'SNS', 'x-amz-sns-topic-arn': 'SNS', 'x-amz-sns-rawdelivery': 'SNS' },
    body: z.union([bucketEvents, snsMessage]),
    answers: {
      200: { description: 'What became of the reported objects', schema: eventCountsAnswer },
      204: { description: 'The message reports no object' },
    },
    problems: [
      ...(['unauthenticated', 'forbidden', 'route-not-found', 'database-unavailable'] as const),
      ...(['application-unavailable', 'keys-unavailable'] as const),
    ],
  },
  'GET /.well-known/jwks.json': {
    id: 'getReceiptKeys',
    tag,
    scopes: null,
    summary: 'The public keys of receipts',
    answers: {
      200: {
        description: 'A JWK Set (RFC 7517)',
        type: 'application/jwk-set+json',
        headers: { 'Cache-Control': 'How long the keys may be cached' },
        schema: z.strictObject({ keys: z.array(receiptKey) }).register(answers, { id: 'ReceiptKeys' }),
      },
    },
    problems: [],
  },
  'GET /client.js': describeModule('getClient', 'The SDK'),
  'GET /uploader.js': describeModule('getUploader', 'The element `<signpost-uploader>`'),
  'GET /healthz': {
    id: 'isAlive',
    tag,
    scopes: null,
    summary: 'Whether the process runs',
    answers: {
      200: {
        description: 'The process runs',
        schema: z.strictObject({ status: z.literal('ok') }).register(answers, { id: 'Health' }),
      },
    },
    problems: [],
  },
  'GET /readyz': {
    id: 'isReady',
    tag,
    scopes: null,
    summary: 'Whether uploads can be signed',
    parameters: { full: 'With it, the answer is also 503 while the bucket or the database does not answer' },
    answers: {
      200: {
        description: 'The state of each part',
        schema: z
          .strictObject({ status: z.enum(['ok', 'degraded']), signing: part, bucket: part, database: part })
          .register(answers, { id: 'Readiness' }),
      },
    },
    problems: ['stopping', 'storage-unavailable', 'database-unavailable'],
  },
  'GET /openapi.json': {
    id: 'describeApi',
    tag,
    scopes: null,
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
    problems: [],
  },
} satisfies Operations;

/** A module that pages without a bundler import. */
function describeModule(id: string, what: string): Operation {
  const headers = {
    ETag: 'Changes with the module',
    'Cache-Control': 'How long the module may be used without asking again',
  };
  return {
    id,
    tag,
    scopes: null,
    problems: [],
    summary: `${what} as an ES module, for pages without a bundler`,
    headers: { 'If-None-Match': 'The ETag of the module that the client has' },
    answers: {
      200: { description: 'The module', bytes: true, headers },
      304: { description: 'The client has it', headers },
    },
  };
}

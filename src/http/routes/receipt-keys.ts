import { Hono } from 'hono';
import * as z from 'zod';
import { answers } from '../../contract/named-schemas.ts';
import type { Receipts } from '../../receipts/create-receipts.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';
import type { Operations } from '../openapi/operation.ts';

export type ReceiptKeyServices = { receipts: Receipts };

/** How long a verifier may keep the keys: a new key is published at least this long before it signs. */
const KEPT_SECONDS = 300;

/** The public keys of receipts, open to everybody; no keys where there are no receipts. */
export function receiptKeyRoutes({ receipts }: ReceiptKeyServices): Hono<Env> {
  const routes = new Hono<Env>();
  const text = JSON.stringify(receipts.jwks);
  const headers = { 'content-type': 'application/jwk-set+json', 'cache-control': `public, max-age=${KEPT_SECONDS}` };
  routes.get('/.well-known/jwks.json', (c) => answer(c, 200, text, headers));
  return routes;
}

const receiptKey = z.strictObject({
  kty: z.string(),
  crv: z.string(),
  x: z.string(),
  y: z.string().optional(),
  kid: z.string(),
  alg: z.string(),
  use: z.literal('sig'),
});

/** What the description of the API says of this route. */
export const receiptKeyOperations = {
  'GET /.well-known/jwks.json': {
    id: 'getReceiptKeys',
    tag: 'Service',
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
} satisfies Operations;

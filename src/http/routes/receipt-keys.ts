import { Hono } from 'hono';
import type { Receipts } from '../../receipts/create-receipts.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';

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

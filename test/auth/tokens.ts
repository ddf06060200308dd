import { createHmac } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { Problem } from '../../src/contract/errors.ts';
import { listen } from '../helpers/listen.ts';

export const SECRET = 'correct horse battery staple, at length';
export const START = new Date('2026-11-20T17:00:00Z');
export const START_SECONDS = START.getTime() / 1000;

/** The authentication settings of an environment, with `SECRET` if it has no key. */
export function authOf(env: Record<string, string> = {}) {
  const hasKey = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL'].some((name) => name in env);
  return parseConfig({ ...(!hasKey && { JWT_SECRET: SECRET }), ...env }).auth;
}

/** A clock that stands still until it is moved. */
export function createClock(): { now: () => Date; uptimeMs: () => number; moveSeconds: (seconds: number) => void } {
  let ms = START.getTime();
  return {
    now: () => new Date(ms),
    uptimeMs: () => ms,
    moveSeconds: (seconds) => {
      ms += seconds * 1000;
    },
  };
}

/** An `Authorization` header with these claims, by default HS256 under `SECRET`. */
export async function bearer(
  claims: JWTPayload,
  key: CryptoKey | Uint8Array = Buffer.from(SECRET),
  header: Record<string, unknown> & { alg: string } = { alg: 'HS256' },
): Promise<string> {
  return `Bearer ${await new SignJWT(claims).setProtectedHeader(header).sign(key)}`;
}

/** A header made by hand, for tokens that a library refuses to sign. */
export function handMade(header: object | string, payload: object | string, signature = ''): string {
  const encode = (part: object | string) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  return `Bearer ${encode(header)}.${encode(payload)}.${signature}`;
}

/** The same with a good HS256 signature under `secret`. */
export function signedByHand(header: object, payload: object, secret = SECRET): string {
  const unsigned = handMade(header, payload).slice('Bearer '.length, -1);
  return `Bearer ${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
}

/** The problem a call throws or rejects with. */
export async function problemOf(call: () => unknown): Promise<Problem> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('expected a Problem');
}

export type SigningPair = { privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK };

export async function createKeyPair(alg: string, kid?: string): Promise<SigningPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { privateKey, publicKey, jwk: kid === undefined ? jwk : { ...jwk, kid } };
}

/** A server on a free port of this machine until the test ends; `answer` may be replaced, `requests` counts. */
export async function serve(answer: RequestListener) {
  const state = { url: '', requests: 0, answer };
  const server = createServer((request, response) => {
    state.requests += 1;
    state.answer(request, response);
  });
  state.url = `${await listen(server)}/jwks.json`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return state;
}

export function json(body: unknown): RequestListener {
  return (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  };
}

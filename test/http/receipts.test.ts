import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import * as jose from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { parseConfig } from '../../src/config/config.ts';
import { fileAnswer } from '../../src/files/file-answer.ts';
import { createApp } from '../../src/http/app.ts';
import { createReceipts, type Receipts } from '../../src/receipts/create-receipts.ts';
import { type Receipt, verifyReceipt } from '../../src/receipts/verify-receipt.ts';
import { listen } from '../helpers/listen.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

const ISSUER = 'https://uploads.example.com';
const OLD = generateKeyPairSync('ed25519');
const NEW = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString();

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { RECEIPT_KEYS: pem(OLD.privateKey), RECEIPT_ISSUER: ISSUER } });
});
afterAll(() => service.close());

type Confirmed = { receipt: string; fileId: string };
const confirmed = async (user: string, objectKey: string) =>
  (await service.confirm(user, objectKey)).body as unknown as Confirmed;
const keys = async () => (await (await service.app.request('/.well-known/jwks.json')).json()) as Receipts['jwks'];

describe('the receipt of a confirmation', () => {
  it('states the confirmed file and its owner, and its key is published', async () => {
    const { receipt, ...file } = await service.store('alice', 'hello');
    const stated: Partial<Receipt> = await verifyReceipt(String(receipt), { jwks: await keys(), issuer: ISSUER });
    const { issuer, ownerId, encrypted, ...fields } = stated;
    expect({ issuer, ownerId, encrypted }).toEqual({ issuer: ISSUER, ownerId: 'alice', encrypted: false });
    expect(file).toMatchObject(fields);
    expect(fields).toMatchObject({ size: 5, contentType: 'text/plain' });
  });

  it('is the same for repeated and concurrent confirmations, and after the file was changed', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    const all = await Promise.all(Array.from({ length: 10 }, () => confirmed('alice', upload.objectKey)));
    await service.call('alice', `/files/${upload.fileId}`, { fileName: 'b.txt', recordId: 'r' }, { method: 'PATCH' });
    all.push(await confirmed('alice', upload.objectKey));
    await service.call('alice', `/files/${upload.fileId}/archive`, undefined, { method: 'POST' });
    all.push(await confirmed('alice', upload.objectKey));
    expect(all).toHaveLength(12);
    expect(new Set(all.map(({ receipt }) => receipt))).toEqual(new Set([expect.stringMatching(/^ey/)]));
    await service.call('alice', `/files/${upload.fileId}`, undefined, { method: 'DELETE' });
    expect(await confirmed('alice', upload.objectKey)).not.toHaveProperty('receipt');
  });

  it('names the owner of the files, not the admin who confirms', async () => {
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    const authorization = `Bearer ${await mint('root', { scope: 'files:admin' })}`;
    const { body } = await service.call<Confirmed>(
      ...(['root', '/confirm-upload', { objectKey: upload.objectKey }] as const),
      { headers: { authorization, 'x-on-behalf-of': 'alice' } },
    );
    expect(await verifyReceipt(body.receipt, { jwks: await keys(), issuer: ISSUER })).toMatchObject({
      ownerId: 'alice',
      fileId: upload.fileId,
    });
  });

  it('is in no other answer, and refused uploads have none', async () => {
    const { fileId } = await service.store('alice', 'hello');
    for (const path of ['/files', `/files/${fileId}`]) {
      expect(JSON.stringify((await service.call('alice', path)).body)).not.toContain('receipt');
    }
    const upload = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: 5 });
    await service.put(upload, '%PDF-');
    const { status, body } = await service.confirm('alice', upload.objectKey);
    expect(status).toBe(422);
    expect(JSON.stringify(body)).not.toContain('receipt');
  });

  it('is absent, and no key is published, where receipts are off', async () => {
    const receipts = await createReceipts({ keys: null, issuer: ISSUER });
    const app = createApp({ ...service.services, receipts });
    const upload = await service.presign('alice', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'hello');
    const response = await app.request('/confirm-upload', {
      method: 'POST',
      body: JSON.stringify({ objectKey: upload.objectKey }),
      headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
    });
    expect(response.status).toBe(201);
    expect(await response.json()).not.toHaveProperty('receipt');
    expect(await (await app.request('/.well-known/jwks.json')).json()).toEqual({ keys: [] });
  });
});

describe('GET /.well-known/jwks.json', () => {
  it('needs no token, may be kept for five minutes, and has no private part', async () => {
    const response = await service.app.request('/.well-known/jwks.json');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    const { kid: _, ...key } = (await keys()).keys[0] ?? { kid: '' };
    expect(key).toEqual({ ...OLD.publicKey.export({ format: 'jwk' }), alg: 'EdDSA', use: 'sig' });
  });
});

describe('a receipt and a token', () => {
  it('are not accepted in place of each other, even if one key verifies both', async () => {
    const { auth } = parseConfig({ JWT_PUBLIC_KEY: pem(OLD.publicKey), JWT_ISSUER: ISSUER });
    const verifyToken = await createTokenVerifier({ ...auth, now: () => new Date() });
    const { receipt } = await service.store('alice', 'hello');
    await expect(async () => verifyToken(`Bearer ${receipt}`)).rejects.toMatchObject({
      code: 'unauthenticated',
      cause: { claim: 'typ' },
    });
    const claims = jose.decodeJwt(String(receipt));
    for (const typ of [undefined, 'JWT', 'at+jwt']) {
      const token = await new jose.SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', ...(typ && { typ }), kid: (await keys()).keys[0]?.kid ?? '' })
        .sign(OLD.privateKey);
      expect(await verifyToken(`Bearer ${token}`)).toMatchObject({ userId: 'alice' });
      await expect(verifyReceipt(token, { jwks: await keys(), issuer: ISSUER })).rejects.toMatchObject({
        code: 'invalid-receipt',
      });
    }
  });
});

/** Runs code like a module, with these names in scope. */
function evaluate(code: string, scope: Record<string, unknown>): unknown {
  const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => unknown;
  return new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope));
}

/** Serves the keys of these receipts at a URL of its own, as a verifier sees them. */
async function publish(first: Receipts) {
  const current = { receipts: first };
  const server = createServer(async (_request, response) => {
    const app = createApp({ ...service.services, receipts: current.receipts });
    response.end(await (await app.request('/.well-known/jwks.json')).text());
  });
  const url = `${await listen(server)}/.well-known/jwks.json`;
  return { current, url, close: () => [server.close(), server.closeAllConnections()] };
}

describe('docs/receipts.md', () => {
  it('has code that verifies a receipt, with the package and with jose', async () => {
    const { receipt, ...file } = await service.store('alice', 'hello');
    const page = await readFile('docs/receipts.md', 'utf8');
    const codes = [...page.matchAll(/^```js\nimport .*\n\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    expect(codes).toHaveLength(2);
    const { url, close } = await publish(service.services.receipts);
    try {
      for (const code of codes) {
        const lines: unknown[][] = [];
        const console = { log: (...values: unknown[]) => lines.push(values) };
        const scope = { ...jose, verifyReceipt, text: receipt, console };
        await evaluate(code.replace(`${ISSUER}/.well-known/jwks.json`, url), scope);
        expect(lines).toEqual([['alice', file.fileId, 5, file.checksumSha256]]);
      }
    } finally {
      close();
    }
  });

  it('has steps to new keys by which no verification fails, with the package and with jose', async () => {
    const receiptsOf = (...all: KeyObject[]) => createReceipts({ keys: all.map(pem).join(''), issuer: ISSUER });
    const { receipt: _, ...body } = await service.store('alice', 'hello');
    const file = fileAnswer.parse(body);
    const { current, url, close } = await publish(await receiptsOf(OLD.privateKey));
    const remote = () => jose.createRemoteJWKSet(new URL(url));
    const texts: string[] = [];
    const steps = [
      [OLD.privateKey],
      [OLD.privateKey, NEW.privateKey],
      [NEW.privateKey, OLD.privateKey],
      [NEW.privateKey, OLD.publicKey],
    ];
    try {
      let before = remote();
      for (const step of steps) {
        // A verifier fetched the keys before this step, and keeps them; another one fetches them after it.
        await before.reload();
        current.receipts = await receiptsOf(...step);
        texts.push((await current.receipts.sign?.(file, 'alice')) ?? '');
        const after = remote();
        for (const text of texts) {
          const options = { issuer: ISSUER, typ: 'signpost-receipt+jwt', algorithms: ['EdDSA', 'ES256'] };
          for (const keySet of [before, after]) await jose.jwtVerify(text, keySet, options);
          await verifyReceipt(text, { jwks: before.jwks() ?? { keys: [] }, issuer: ISSUER });
        }
        before = after;
      }
      expect(texts.map((text) => jose.decodeProtectedHeader(text).alg)).toEqual(['EdDSA', 'EdDSA', 'ES256', 'ES256']);
    } finally {
      close();
    }
  });
});

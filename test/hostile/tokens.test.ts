import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECEIPT_TYPE } from '../../src/contract/receipt-type.ts';
import { operations } from '../helpers/description.ts';
import { mint, SECRET, startTestService, type TestService } from '../helpers/test-service.ts';
import { changedText } from './changed-text.ts';
import { base64url, hmac, rawToken, rsa, unsigned } from './raw-token.ts';

const issuer = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC_PEM = issuer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const soon = () => Math.floor(Date.now() / 1000) + 600;

const HS = { alg: 'HS256' };
const RS = { alg: 'RS256' };
const claims = (more: Record<string, unknown> = {}) => ({
  sub: 'alice',
  iss: 'https://issuer.example',
  aud: 'signpost',
  exp: soon(),
  ...more,
});
const good = () => rawToken(RS, claims(), rsa(issuer.privateKey));
const [header, payload, signature] = good().split('.') as [string, string, string];
const withHeader = (more: Record<string, unknown>) => rawToken({ ...RS, ...more }, claims(), rsa(issuer.privateKey));
const withClaims = (more: Record<string, unknown>) => rawToken(RS, claims(more), rsa(issuer.privateKey));
const strangerJwk = stranger.publicKey.export({ format: 'jwk' });

/** What nobody may call with: each is a token that some service somewhere has taken. */
const FORGED: Record<string, () => string> = {
  ...Object.fromEntries(
    ['none', 'None', 'NONE', 'nOnE', 'none ', '', 'null', 'HS256 ', 'hs256', 'RS256\u0000', 'RS1', 'HS1'].map((alg) => [
      `alg ${JSON.stringify(alg)} without a signature`,
      () => rawToken({ alg }, claims(), unsigned),
    ]),
  ),
  'no alg at all': () => rawToken({}, claims(), unsigned),
  'an alg that is a list': () => rawToken({ alg: ['none', 'RS256'] }, claims(), unsigned),
  'an alg that is a number': () => rawToken({ alg: 256 }, claims(), unsigned),
  'the header of a good token, and no signature': () => `${header}.${payload}.`,
  'two parts': () => `${header}.${payload}`,
  'four parts': () => `${good()}.${signature}`,
  'five parts, as an encrypted token': () => `${header}..${payload}.${signature}.${signature}`,
  'an empty header': () => `.${payload}.${signature}`,
  'an empty payload': () => `${header}..${signature}`,
  'only dots': () => '..',
  'the public key as the secret of HS256': () => rawToken(HS, claims(), hmac(PUBLIC_PEM)),
  'the public key without its last line break as the secret': () => rawToken(HS, claims(), hmac(PUBLIC_PEM.trim())),
  'the public key in DER as the secret': () =>
    rawToken(HS, claims(), hmac(issuer.publicKey.export({ type: 'spki', format: 'der' }))),
  'an empty secret': () => rawToken(HS, claims(), hmac('')),
  'the secret of another issuer here': () => rawToken(HS, claims(), hmac(SECRET)),
  'HS384 with the public key': () => rawToken({ alg: 'HS384' }, claims(), hmac(PUBLIC_PEM, 'sha384')),
  "a stranger's key": () => rawToken(RS, claims(), rsa(stranger.privateKey)),
  "a stranger's key in the header": () => rawToken({ ...RS, jwk: strangerJwk }, claims(), rsa(stranger.privateKey)),
  "the address of a stranger's keys in the header": () =>
    rawToken({ ...RS, jku: 'http://127.0.0.1:9/keys.json' }, claims(), rsa(stranger.privateKey)),
  'a certificate in the header': () =>
    rawToken({ ...RS, x5c: [base64url('certificate')], x5u: 'http://127.0.0.1:9' }, claims(), rsa(stranger.privateKey)),
  'a kid that is a path': () => rawToken({ ...RS, kid: '../../dev/null' }, claims(), rsa(stranger.privateKey)),
  'a kid that is SQL': () => rawToken({ ...RS, kid: "x' union select 'key" }, claims(), rsa(stranger.privateKey)),
  'a kid that is an object': () => rawToken({ ...RS, kid: { $ne: null } }, claims(), rsa(stranger.privateKey)),
  'the alg of an ECDSA key': () => rawToken({ alg: 'ES256' }, claims(), () => Buffer.alloc(64)),
  'the alg PS256 over an RSA signature of PKCS 1': () => withHeader({ alg: 'PS256' }),
  'an unknown critical header': () => withHeader({ crit: ['exp'] }),
  'a critical header that nobody knows': () => withHeader({ crit: ['x-owner'], 'x-owner': 'root' }),
  'an empty list of critical headers': () => withHeader({ crit: [] }),
  'a payload that is not encoded': () => withHeader({ b64: false, crit: ['b64'] }),
  'the type of a receipt': () => withHeader({ typ: RECEIPT_TYPE }),
  'a changed signature': () => `${header}.${payload}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
  'a signature cut short': () => `${header}.${payload}.${signature.slice(0, -8)}`,
  'a signature twice': () => `${header}.${payload}.${signature}${signature}`,
  'a signature of zeros': () => `${header}.${payload}.${base64url(Buffer.alloc(256))}`,
  'a changed payload': () => `${header}.${base64url(JSON.stringify(claims({ sub: 'bob' })))}.${signature}`,
  'a payload that is a list': () => rawToken(RS, [claims()], rsa(issuer.privateKey)),
  'a payload that is a string': () => rawToken(RS, '"alice"', rsa(issuer.privateKey)),
  'a payload that is no JSON': () => rawToken(RS, '{"sub":"alice"', rsa(issuer.privateKey)),
  'a payload that is null': () => rawToken(RS, 'null', rsa(issuer.privateKey)),
  'a header that is no JSON': () => rawToken('{"alg":"RS256"', claims(), rsa(issuer.privateKey)),
  'a header that is a list': () => rawToken([RS], claims(), rsa(issuer.privateKey)),
  'an end that has passed': () => withClaims({ exp: soon() - 3600 }),
  'an end of 0': () => withClaims({ exp: 0 }),
  'a negative end': () => withClaims({ exp: -1 }),
  'an end as text': () => withClaims({ exp: String(soon()) }),
  'an end as a list': () => withClaims({ exp: [soon()] }),
  'an end in milliseconds that is null': () => withClaims({ exp: null }),
  'a beginning in the future': () => withClaims({ nbf: soon() }),
  'a beginning as text': () => withClaims({ nbf: 'yesterday' }),
  'no issuer': () => withClaims({ iss: undefined }),
  'another issuer': () => withClaims({ iss: 'https://issuer.example.evil.example' }),
  'the issuer with a slash': () => withClaims({ iss: 'https://issuer.example/' }),
  'the issuer in capitals': () => withClaims({ iss: 'HTTPS://ISSUER.EXAMPLE' }),
  'a list of issuers': () => withClaims({ iss: ['https://issuer.example'] }),
  'no audience': () => withClaims({ aud: undefined }),
  'another audience': () => withClaims({ aud: 'signpost2' }),
  'audiences without ours': () => withClaims({ aud: ['other', 'SIGNPOST'] }),
  'no subject': () => withClaims({ sub: undefined }),
  'an empty subject': () => withClaims({ sub: '' }),
  'a subject that is a number': () => withClaims({ sub: 0 }),
  'a subject that is true': () => withClaims({ sub: true }),
  'a subject that is a list': () => withClaims({ sub: ['alice'] }),
  'a subject that is an object': () => withClaims({ sub: { toString: 'alice' } }),
  'a subject with a line break': () => withClaims({ sub: 'alice\r\nx-admin: 1' }),
  'a subject with a NUL': () => withClaims({ sub: 'alice\u0000' }),
  "a subject that is the sweeper's name": () => withClaims({ sub: '\u001fsweeper' }),
  'a subject with half a character': () => rawToken(RS, '{"sub":"a\\ud800"}', rsa(issuer.privateKey)),
  'a subject of 4 KB': () => withClaims({ sub: 'a'.repeat(4096) }),
  'a token of 1 MB': () => withClaims({ more: 'x'.repeat(1_000_000) }),
};

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      JWT_SECRET: '',
      JWT_PUBLIC_KEY: PUBLIC_PEM,
      UPLOAD_ID_SECRET: SECRET,
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'signpost',
    },
  });
});
afterAll(() => service.close());

const ROUTES = operations.filter(({ path, responses }) => '401' in responses && path !== '/events/s3');
const send = (method: string, path: string, authorization: string) =>
  service.app.request(path.replace(/\{\w+\}/g, '0198c0de-0000-7000-8000-000000000001'), {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(method !== 'GET' && method !== 'HEAD' && { body: '{}' }),
  });

describe('forged tokens', () => {
  it('are distinguished from a good one', async () => {
    expect((await send('GET', '/files', `Bearer ${good()}`)).status).toBe(200);
    expect(ROUTES.length).toBeGreaterThan(25);
  });

  it.each(Object.keys(FORGED))('%s: opens no route', async (name) => {
    const token = FORGED[name]?.() ?? '';
    for (const { method, path } of ROUTES) {
      const { status } = await send(method, path, `Bearer ${token}`);
      expect(status, `${method} ${path}`).toBe(401);
    }
  });

  it.each([
    ['', ''],
    ['no scheme', good()],
    ['Basic', `Basic ${base64url(`alice:${good()}`)}`],
    ['two tokens', `Bearer ${good()} ${good()}`],
    ['two schemes', `Bearer Bearer ${good()}`],
    ['a comma', `Bearer ${good()}, Bearer ${good()}`],
    ['quotes', `Bearer "${good()}"`],
    ['a tab', `Bearer\t${good()}`],
    ['a percent sign', `Bearer ${good().replaceAll('.', '%2E')}`],
    ['standard base64', `Bearer ${Buffer.from(good()).toString('base64')}`],
    ['DPoP', `DPoP ${good()}`],
  ])('in an Authorization header with %s opens nothing', async (_, authorization) => {
    expect((await send('GET', '/files', authorization)).status).toBe(401);
  });

  it('are found by every change of a good one', async () => {
    const token = good();
    const bytesOf = (text: string) => text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
    await fc.assert(
      fc.asyncProperty(changedText(token), async (changed) => {
        // The last character of a signature has bits that no byte needs, and a trailing space is no part of a header.
        fc.pre(bytesOf(changed).join('.') !== bytesOf(token).join('.') && changed.trim() !== token);
        const headers = { authorization: `Bearer ${Buffer.from(changed).toString('latin1').replaceAll('\0', '~')}` };
        expect((await service.app.request('/files', { headers })).status).toBe(401);
      }),
      { seed: 20261127, numRuns: 300 },
    );
  });

  it('do not live longer in the memory of good ones', async () => {
    const token = withClaims({ exp: Math.floor(Date.now() / 1000) + 600 });
    expect((await send('GET', '/files', `Bearer ${token}`)).status).toBe(200);
    const [, , sign] = token.split('.');
    const other = `${base64url(JSON.stringify(RS))}.${base64url(JSON.stringify(claims({ sub: 'bob' })))}.${sign}`;
    expect((await send('GET', '/files', `Bearer ${other}`)).status).toBe(401);
    expect((await send('GET', '/files', `Bearer ${token}=`)).status).toBe(401);
  });
});

describe('rights that a token does not have', () => {
  const SCOPES = [
    '',
    'files',
    'files:',
    'files:*',
    '*',
    'FILES:READ',
    'files:read;',
    'files:reads',
    'read',
    'admin',
    'root',
    'openid profile',
    'files:read,files:write',
    'files:\u0000read',
    '\tfiles:read\u00a0',
    'xfiles:read',
  ];
  it.each(SCOPES)('scope %j opens no route of files', async (scope) => {
    const token = withClaims({ scope });
    for (const path of ['/files', '/usage', '/audit']) {
      expect((await send('GET', path, `Bearer ${token}`)).status, path).toBe(403);
    }
    expect((await send('POST', '/presign-upload', `Bearer ${token}`)).status).toBe(403);
  });

  it.each(['bob', 'root', '', '*', '../bob', '%00', 'alice, bob', '\u00e9'])(
    'X-On-Behalf-Of %j does nothing without files:admin',
    async (other) => {
      for (const scope of ['files:read files:write', 'files:read']) {
        const response = await service.app.request('/files', {
          headers: { authorization: `Bearer ${withClaims({ scope })}`, 'x-on-behalf-of': other },
        });
        // An empty header names nobody.
        expect([400, 403].includes(response.status) || (other === '' && response.status === 200)).toBe(true);
      }
    },
  );

  it('are not given by a token that this service minted for another purpose', async () => {
    // The secret of tests signs nothing here, whatever it is otherwise.
    expect((await send('GET', '/files', `Bearer ${await mint('alice')}`)).status).toBe(401);
  });
});

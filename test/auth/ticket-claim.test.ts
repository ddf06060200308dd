import fc from 'fast-check';
import type { JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { authOf, bearer, createClock, problemOf, signedByHand } from './tokens.ts';

const verifier = async () => createTokenVerifier({ ...authOf(), now: createClock().now });
const limitsOf = async (signpost: unknown) => (await (await verifier())(await bearer({ sub: 'ada', signpost }))).limits;

describe('the claim signpost', () => {
  it('gives the caller its limits, also when the token is remembered', async () => {
    const limits = {
      maxBytes: 10,
      contentTypes: ['image/*', '*/*'],
      documentTypes: ['photo'],
      recordId: 'case-42',
      maxFiles: 0,
      quotaBytes: Number.MAX_SAFE_INTEGER,
      quotaFiles: 3,
      uploadsUntil: '2027-02-28T23:59:59+01:00',
    };
    const verify = await verifier();
    const header = await bearer({ sub: 'ada', signpost: limits });
    expect((await verify(header)).limits).toEqual(limits);
    expect((await verify(header)).limits).toEqual(limits);
    expect((await verify(await bearer({ sub: 'ada' }))).limits).toBeUndefined();
    expect(await limitsOf({})).toEqual({});
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', '{"maxBytes":1}'],
    ['a list', []],
    ['true', true],
    ['an unknown limit', { maxBytes: 1, maxbytes: 1 }],
    ['a limit that is null', { maxBytes: null }],
    ['a negative size', { maxBytes: -1 }],
    ['a size as text', { maxBytes: '1' }],
    ['a negative quota', { quotaBytes: -1 }],
    ['a negative quota of files', { quotaFiles: -1 }],
    ['a part of a byte', { quotaBytes: 0.5 }],
    ['more than can be counted', { quotaBytes: Number.MAX_SAFE_INTEGER + 1 }],
    ['a negative number of files', { maxFiles: -1 }],
    ['no type', { contentTypes: [] }],
    ['a type that is none', { contentTypes: ['image'] }],
    ['half a pattern', { contentTypes: ['*/png'] }],
    ['no document type', { documentTypes: [] }],
    ['a record with a slash', { recordId: 'a/../b' }],
    ['an empty record', { recordId: '' }],
    ['a day that does not exist', { uploadsUntil: '2027-02-30T00:00:00Z' }],
    ['a time without a zone', { uploadsUntil: '2027-02-28T00:00:00' }],
    ['a time in seconds', { uploadsUntil: 1_900_000_000 }],
  ])('refuses the token where it is %s', async (_, signpost) => {
    const problem = await problemOf(() => limitsOf(signpost));
    expect(problem.code).toBe('unauthenticated');
    expect(problem.cause).toMatchObject({ claim: 'signpost', why: expect.stringMatching(/is malformed/) });
  });

  it.each(['1e400', '-0.1', '1e-7', '{"toString":1}', '[[]]'])('refuses the token with the number %s', async (text) => {
    const verify = await verifier();
    const payload = `{"sub":"ada","signpost":{"maxBytes":${text}}}`;
    const header = signedByHand({ alg: 'HS256' }, payload as unknown as object);
    expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
  });

  it('refuses the token with a claim that would set a prototype', async () => {
    const verify = await verifier();
    const payload = '{"sub":"ada","signpost":{"__proto__":{"maxBytes":1}}}';
    const header = signedByHand({ alg: 'HS256' }, payload as unknown as object);
    expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
  });

  it('refuses a token too large to read, whatever it holds', async () => {
    const documentTypes = Array.from({ length: 2000 }, (_, index) => `type-${index}`);
    const problem = await problemOf(async () => limitsOf({ documentTypes }));
    expect(problem.message).toMatch(/over 8192 bytes/);
  });

  it('refuses every claim that is not an object of limits', async () => {
    const verify = await verifier();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 2 }), async (signpost) => {
        const isEmpty = JSON.stringify(signpost) === '{}';
        const header = await bearer({ sub: 'ada', signpost } as JWTPayload);
        if (isEmpty) expect((await verify(header)).limits).toEqual({});
        else expect((await problemOf(() => verify(header))).code).toBe('unauthenticated');
      }),
      { numRuns: 200 },
    );
  });
});

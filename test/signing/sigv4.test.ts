import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  amzDate,
  canonicalizeHeaders,
  canonicalQueryString,
  canonicalRequest,
  credentialScope,
  encodePath,
  signature,
  signingKey,
  stringToSign,
  uriEncode,
} from '../../src/signing/sigv4.ts';

// The credentials of all examples in the Amazon S3 API Reference.
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const AMZ_DATE = '20130524T000000Z';
const SCOPE = '20130524/us-east-1/s3/aws4_request';
const HOST = 'examplebucket.s3.amazonaws.com';
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('Authenticating Requests: Using Query Parameters (Amazon S3 API Reference), the example', () => {
  const { canonicalHeaders, signedHeaders } = canonicalizeHeaders({ host: HOST });
  const canonical = canonicalRequest({
    method: 'GET',
    canonicalUri: encodePath('/test.txt'),
    canonicalQueryString: canonicalQueryString({
      'X-Amz-SignedHeaders': signedHeaders,
      'X-Amz-Expires': '86400',
      'X-Amz-Date': AMZ_DATE,
      'X-Amz-Credential': `AKIAIOSFODNN7EXAMPLE/${SCOPE}`,
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    }),
    canonicalHeaders,
    signedHeaders,
    hashedPayload: 'UNSIGNED-PAYLOAD',
  });

  it('has this canonical request', () => {
    expect(canonical.split('\n')).toEqual([
      'GET',
      '/test.txt',
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host',
      'host:examplebucket.s3.amazonaws.com',
      '',
      'host',
      'UNSIGNED-PAYLOAD',
    ]);
  });

  it('has this string to sign', () => {
    expect(stringToSign(AMZ_DATE, SCOPE, canonical).split('\n')).toEqual([
      'AWS4-HMAC-SHA256',
      '20130524T000000Z',
      '20130524/us-east-1/s3/aws4_request',
      '3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04',
    ]);
  });

  it('has this signature', () => {
    const key = signingKey(SECRET, '20130524', 'us-east-1', 's3');
    expect(signature(key, stringToSign(AMZ_DATE, SCOPE, canonical))).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});

describe('Signature Calculations for the Authorization Header (Amazon S3 API Reference), the examples', () => {
  const amzHeaders = { host: HOST, 'x-amz-date': AMZ_DATE, 'x-amz-content-sha256': EMPTY_SHA256 };
  const examples = [
    {
      name: 'GET Object',
      request: { method: 'GET', key: '/test.txt', query: {}, headers: { ...amzHeaders, range: 'bytes=0-9' } },
      canonicalSha256: '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
      expected: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    },
    {
      name: 'PUT Object',
      request: {
        method: 'PUT',
        key: '/test$file.text',
        query: {},
        headers: {
          ...amzHeaders,
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
          date: 'Fri, 24 May 2013 00:00:00 GMT',
        },
      },
      canonicalSha256: '9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d',
      expected: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    },
    {
      name: 'GET Bucket Lifecycle',
      request: { method: 'GET', key: '/', query: { lifecycle: '' }, headers: amzHeaders },
      canonicalSha256: '9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca',
      expected: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    },
    {
      name: 'GET Bucket (List Objects)',
      request: { method: 'GET', key: '/', query: { prefix: 'J', 'max-keys': '2' }, headers: amzHeaders },
      canonicalSha256: 'df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7',
      expected: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    },
  ];

  it.each(examples)('$name has this string to sign and this signature', ({ request, canonicalSha256, expected }) => {
    const canonical = canonicalRequest({
      method: request.method,
      canonicalUri: encodePath(request.key),
      canonicalQueryString: canonicalQueryString(request.query),
      ...canonicalizeHeaders(request.headers),
      hashedPayload: request.headers['x-amz-content-sha256'],
    });
    const toSign = stringToSign(AMZ_DATE, SCOPE, canonical);
    expect(toSign).toBe(`AWS4-HMAC-SHA256\n${AMZ_DATE}\n${SCOPE}\n${canonicalSha256}`);
    expect(signature(signingKey(SECRET, '20130524', 'us-east-1', 's3'), toSign)).toBe(expected);
  });
});

const hexOf = (key: KeyObject) => key.export().toString('hex');

describe('the signing key', () => {
  it('is the one of the derivation example in "Create a signed AWS API request"', () => {
    const key = signingKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', '20150830', 'us-east-1', 'iam');
    expect(hexOf(key)).toBe('c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9');
  });

  it('signs get-vanilla of the AWS Signature Version 4 test suite', () => {
    const amzDateOfSuite = '20150830T123600Z';
    const scope = credentialScope('20150830', 'us-east-1', 'service');
    const canonical = canonicalRequest({
      method: 'GET',
      canonicalUri: '/',
      canonicalQueryString: canonicalQueryString({}),
      ...canonicalizeHeaders({ 'x-amz-date': amzDateOfSuite, host: 'example.amazonaws.com' }),
      hashedPayload: EMPTY_SHA256,
    });
    const key = signingKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', '20150830', 'us-east-1', 'service');
    expect(signature(key, stringToSign(amzDateOfSuite, scope, canonical))).toBe(
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });

  it('differs by secret, day, region and service, and does not depend on keys made in between', () => {
    const inputs: Parameters<typeof signingKey>[] = [
      ['secret', '20260101', 'eu-west-1', 's3'],
      ['other', '20260101', 'eu-west-1', 's3'],
      ['secret', '20260102', 'eu-west-1', 's3'],
      ['secret', '20260101', 'eu-west-2', 's3'],
      ['secret', '20260101', 'eu-west-1', 's3-object-lambda'],
    ];
    for (let day = 0; day < 20; day++) inputs.push(['secret', String(20260201 + day), 'eu-west-1', 's3']);
    const keys = () => inputs.map((input) => hexOf(signingKey(...input)));
    const first = keys();
    expect(new Set(first).size).toBe(inputs.length);
    expect(keys()).toEqual(first);
  });
});

describe('encoding', () => {
  it('keeps the unreserved characters of RFC 3986 and writes all others as upper-case %XX', () => {
    const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
    const kept = ascii.filter((c) => uriEncode(c) === c).join('');
    expect(kept).toBe('-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~');
    expect(uriEncode(" !'()*/%é😀")).toBe('%20%21%27%28%29%2A%2F%25%C3%A9%F0%9F%98%80');
  });

  it('keeps the slashes of a key, and encodes characters that look like one', () => {
    expect(encodePath('a//b/./../c%2Fd')).toBe('a//b/./../c%252Fd');
  });

  it('throws for a lone surrogate, which UTF-8 cannot carry', () => {
    expect(() => encodePath('\ud800')).toThrow(URIError);
  });

  it('sorts parameters by encoded name, not by name and value together', () => {
    expect(canonicalQueryString({ 'a-b': '1', a: '2', é: '3', A: '4' })).toBe('%C3%A9=3&A=4&a=2&a-b=1');
  });

  it('trims header values and folds blanks inside them', () => {
    expect(canonicalizeHeaders({ b: ' \t x  y\r\n z ', a: '\u00a0' })).toEqual({
      canonicalHeaders: 'a:\u00a0\nb:x y z\n',
      signedHeaders: 'a;b',
    });
  });

  it('cuts the time to whole seconds', () => {
    expect(amzDate(new Date('2026-11-20T17:05:09.999Z'))).toBe('20261120T170509Z');
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { S3Request } from '../../../src/local/s3/s3-request.ts';
import { verifySignature } from '../../../src/local/s3/signature/verify-signature.ts';

// The examples of the S3 reference, "Signature Calculations for the Authorization Header: Transferring Payload in a
// Single Chunk" and "Authenticating Requests: Using Query Parameters".
const KEYS = {
  region: 'us-east-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const NOW = new Date('2013-05-24T00:00:00Z');
const HOST = 'examplebucket.s3.amazonaws.com';
const EMPTY_SHA256 = createHash('sha256').digest('hex');

function exampleRequest(
  method: string,
  path: string,
  query: [string, string][],
  headers: Record<string, string>,
): S3Request {
  const all = new Map([['host', HOST], ...Object.entries(headers)]);
  return { method, rawPath: path, path, bucket: '', key: '', query, headers: all, body: noBody() };
}

async function* noBody(): AsyncIterable<Buffer> {}

function authorization(signedHeaders: string, signature: string): string {
  const credential = `${KEYS.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  return `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`;
}

const PUT_SHA256 = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';

const EXAMPLES: [string, S3Request, string | null][] = [
  [
    'GET object',
    exampleRequest('GET', '/test.txt', [], {
      range: 'bytes=0-9',
      'x-amz-content-sha256': EMPTY_SHA256,
      'x-amz-date': '20130524T000000Z',
      authorization: authorization(
        'host;range;x-amz-content-sha256;x-amz-date',
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
    }),
    EMPTY_SHA256,
  ],
  [
    'PUT object',
    exampleRequest('PUT', '/test$file.text', [], {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-content-sha256': PUT_SHA256,
      'x-amz-date': '20130524T000000Z',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      authorization: authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    }),
    PUT_SHA256,
  ],
  [
    'GET bucket lifecycle',
    exampleRequest('GET', '/', [['lifecycle', '']], {
      'x-amz-content-sha256': EMPTY_SHA256,
      'x-amz-date': '20130524T000000Z',
      authorization: authorization(
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
    }),
    EMPTY_SHA256,
  ],
  [
    'list objects',
    exampleRequest(
      'GET',
      '/',
      [
        ['max-keys', '2'],
        ['prefix', 'J'],
      ],
      {
        'x-amz-content-sha256': EMPTY_SHA256,
        'x-amz-date': '20130524T000000Z',
        authorization: authorization(
          'host;x-amz-content-sha256;x-amz-date',
          '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
        ),
      },
    ),
    EMPTY_SHA256,
  ],
  [
    'a presigned GET, whose query names no payload hash',
    exampleRequest(
      'GET',
      '/test.txt',
      [
        ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
        ['X-Amz-Credential', `${KEYS.accessKeyId}/20130524/us-east-1/s3/aws4_request`],
        ['X-Amz-Date', '20130524T000000Z'],
        ['X-Amz-Expires', '86400'],
        ['X-Amz-SignedHeaders', 'host'],
        ['X-Amz-Signature', 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'],
      ],
      {},
    ),
    null,
  ],
];

describe('the signatures of the S3 reference', () => {
  it.each(EXAMPLES)('verify: %s', (_name, request, payloadSha256) => {
    const payload = payloadSha256 === null ? { kind: 'unsigned' } : { kind: 'hashed', sha256Hex: payloadSha256 };
    expect(verifySignature(request, KEYS, NOW)).toEqual(payload);
  });

  it.each(EXAMPLES)('do not verify with another method: %s', (_name, request) => {
    expect(() => verifySignature({ ...request, method: 'POST' }, KEYS, NOW)).toThrow(/does not match/);
  });
});

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChunkVerifier } from '../../../src/local/s3/chunked/chunk-verifier.ts';
import { deriveSigningKey } from '../../../src/local/s3/signature/compute-signature.ts';
import { otherDigit } from '../../helpers/other-digit.ts';
import { type Fixture, KEYS, outcome, type RawAnswer, startFixture } from './s3-fixture.ts';
import { signChunks } from './sign-chunks.ts';
import { signRaw } from './sign-raw.ts';

let s3: Fixture;
let defaults: S3Client;
beforeAll(async () => {
  s3 = await startFixture();
  // A client with the SDK's default settings.
  defaults = new S3Client({ endpoint: s3.server.url, region: KEYS.region, credentials: KEYS, forcePathStyle: true });
});
afterAll(async () => {
  defaults.destroy();
  await s3.stop();
});

const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const BODY = Buffer.alloc(20_000, 'signpost ');
const CRC32 = crc32Of(BODY);

function crc32Of(bytes: Buffer): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return value.toString('base64');
}

const read = async (Key: string) => {
  const { Body, ContentEncoding } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
  return { bytes: Buffer.from((await Body?.transformToByteArray()) ?? []), ContentEncoding };
};

describe('the SDK with its defaults', () => {
  it.each([0, 5, 70_000, 1_000_000])('stores a stream of %d bytes with its trailing checksum', async (size) => {
    const bytes = Buffer.alloc(size, 'stream ');
    const input = { Bucket: s3.bucket, Key: `stream-${size}` };
    await defaults.send(
      new PutObjectCommand({ ...input, Body: Readable.from(cut(bytes, 10_000)), ContentLength: size }),
    );
    expect((await read(input.Key)).bytes.equals(bytes)).toBe(true);
    const head = await s3.client.send(new HeadObjectCommand({ ...input, ChecksumMode: 'ENABLED' }));
    expect([head.ChecksumCRC32, head.ContentEncoding]).toEqual([crc32Of(bytes), undefined]);
  });

  it('uploads parts as streams', async () => {
    const input = { Bucket: s3.bucket, Key: 'parts' };
    const created = await defaults.send(new CreateMultipartUploadCommand({ ...input, ChecksumAlgorithm: 'CRC32' }));
    const upload = { ...input, UploadId: created.UploadId };
    const part = await defaults.send(
      new UploadPartCommand({ ...upload, PartNumber: 1, Body: Readable.from([BODY]), ContentLength: BODY.length }),
    );
    expect(part.ChecksumCRC32).toBe(CRC32);
    const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }];
    await defaults.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    expect((await read('parts')).bytes.equals(BODY)).toBe(true);
  });
});

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('a body of unsigned chunks', () => {
  const trailer = `x-amz-checksum-crc32:${CRC32}\r\n`;
  const put = (body: string, headers: Record<string, string> = {}): Promise<RawAnswer> => {
    const all = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '20000', ...headers };
    const named = 'x-amz-trailer' in headers ? all : { ...all, 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const request = { method: 'PUT', path: `/${s3.bucket}/raw`, headers: named, body: Buffer.from(body, 'latin1') };
    return s3.raw(signRaw(s3.server.url, request, KEYS, { payload: UNSIGNED }));
  };
  const text = BODY.toString();
  const chunk = (bytes: string) => `${bytes.length.toString(16)}\r\n${bytes}\r\n`;
  const whole = `${chunk(text)}0\r\n${trailer}\r\n`;

  it('is stored without its encoding, however it is split into chunks', async () => {
    expect(outcome(await put(whole, { 'content-encoding': 'gzip,aws-chunked' }))).toBe('200');
    expect(await read('raw')).toEqual({ bytes: BODY, ContentEncoding: 'gzip' });
    const cutUp = chunk(text.slice(0, 8192)) + chunk(text.slice(8192));
    expect(outcome(await put(`${cutUp}0\r\n${trailer}\r\n`))).toBe('200');
    expect(await read('raw')).toEqual({ bytes: BODY, ContentEncoding: undefined });
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['another checksum', whole.replace(CRC32, 'AAAAAA=='), {}, '400 BadDigest'],
    ['no checksum', `${chunk(text)}0\r\n\r\n`, {}, '400 MalformedTrailerError'],
    ['a malformed checksum', whole.replace(CRC32, 'x'), {}, '400 InvalidRequest'],
    ['another trailer', whole.replace('crc32:', 'crc32c:'), {}, '400 MalformedTrailerError'],
    ['two trailers', whole.replace(trailer, `${trailer}x-amz-meta-a:b\r\n`), {}, '400 MalformedTrailerError'],
    ['a malformed trailer', whole.replace('crc32:', 'crc32'), {}, '400 MalformedTrailerError'],
    ['no last chunk', chunk(text), {}, '400 IncompleteBody'],
    ['half a trailer', `${chunk(text)}0\r\n${trailer}`, {}, '400 IncompleteBody'],
    ['half a chunk', whole.slice(0, 10_000), {}, '400 IncompleteBody'],
    ['bytes after the end', `${whole}x`, {}, '400 IncompleteBody'],
    ['a malformed size', whole.replace('4e20', 'zzzz'), {}, '400 IncompleteBody'],
    ['a smaller size', whole.replace('4e20', '4e1f'), {}, '400 IncompleteBody'],
    ['a size without an end', `${'0'.repeat(2000)}`, {}, '400 IncompleteBody'],
    [
      'a signature of a chunk',
      whole.replace('4e20', `4e20;chunk-signature=${'0'.repeat(64)}`),
      {},
      '400 IncompleteBody',
    ],
    [
      'small chunks',
      `${chunk(text.slice(0, 8191))}${chunk(text.slice(8191))}0\r\n${trailer}\r\n`,
      {},
      '403 InvalidChunkSizeError',
    ],
    ['another decoded length', whole, { 'x-amz-decoded-content-length': '20001' }, '400 IncompleteBody'],
    ['a smaller decoded length', whole, { 'x-amz-decoded-content-length': '5' }, '400 IncompleteBody'],
    ['a malformed decoded length', whole, { 'x-amz-decoded-content-length': 'x' }, '411 MissingContentLength'],
    ['a decoded length above 5 GiB', whole, { 'x-amz-decoded-content-length': '5368709121' }, '400 EntityTooLarge'],
    ['an unknown trailer', whole, { 'x-amz-trailer': 'x-amz-meta-a' }, '400 InvalidRequest'],
    ['an unsupported checksum', whole, { 'x-amz-trailer': 'x-amz-checksum-sha1' }, '501 NotImplemented'],
    ['a checksum header as well', whole, { 'x-amz-checksum-crc32': CRC32 }, '400 InvalidRequest'],
    ['another announced algorithm', whole, { 'x-amz-sdk-checksum-algorithm': 'SHA256' }, '400 InvalidRequest'],
    ['another MD5', whole, { 'content-md5': createHash('md5').update('x').digest('base64') }, '400 BadDigest'],
  ])('is refused with %s, and stores nothing', async (_name, body, headers, expected) => {
    await put(whole);
    expect(outcome(await put(body, { ...headers, 'x-amz-meta-bad': 'yes' }))).toBe(expected);
    const { Metadata } = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'raw' }));
    expect(Metadata).toEqual({});
  });

  it('is refused for anything but bytes to store', async () => {
    const request = { method: 'PUT', path: `/${s3.bucket}?cors`, body: Buffer.from(whole) };
    const answer = await s3.raw(signRaw(s3.server.url, request, KEYS, { payload: UNSIGNED }));
    expect(outcome(answer)).toBe('501 NotImplemented');
  });
});

describe('a body of signed chunks', () => {
  const pieces = [BODY.subarray(0, 10_000), BODY.subarray(10_000)];

  /** A body whose chunks continue the signature of the request that carries it. */
  async function put(tamper: (body: string) => string = (body) => body, trailer = ''): Promise<RawAnswer> {
    const payload = trailer === '' ? SIGNED : `${SIGNED}-TRAILER`;
    const headers = {
      'x-amz-decoded-content-length': String(BODY.length),
      ...(trailer !== '' && { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
    };
    const request = { method: 'PUT', path: `/${s3.bucket}/signed`, headers, body: Buffer.alloc(0) };
    const signed = signRaw(s3.server.url, request, KEYS, { payload });
    const body = Buffer.from(tamper(signChunks(signed, KEYS, pieces, trailer)), 'latin1');
    return s3.raw({ ...signed, body });
  }

  it('is stored, with and without a trailing checksum', async () => {
    expect(outcome(await put())).toBe('200');
    expect((await read('signed')).bytes.equals(BODY)).toBe(true);
    const answer = await put(undefined, `x-amz-checksum-crc32:${CRC32}`);
    expect([outcome(answer), answer.headers['x-amz-checksum-crc32']]).toEqual(['200', CRC32]);
  });

  it.each<[string, (body: string) => string, string]>([
    ['other bytes', (body) => body.replace('signpost', 'signpust'), ''],
    ['other bytes in the last chunk', (body) => body.replace(/signpost(?=[\s\S]{0,9}\r\n0;)/, 'signpust'), ''],
    ['chunks in another order', (body) => body.replace(/^(2710;[\s\S]*?\r\n)(2710;[\s\S]*\r\n)(0;)/, '$2$1$3'), ''],
    ['another signature of the end', (body) => body.replace(/(?<=\r\n0;chunk-signature=)./, otherDigit), ''],
    ['another signature of the trailer', (body) => body.replace(/(?<=trailer-signature:)./, otherDigit), CRC32],
    ['another checksum', (body) => body.replace(CRC32, 'AAAAAA=='), CRC32],
  ])('is refused with %s', async (_name, tamper, checksum) => {
    const trailer = checksum === '' ? '' : `x-amz-checksum-crc32:${checksum}`;
    expect(outcome(await put(tamper, trailer))).toBe('403 SignatureDoesNotMatch');
  });

  it.each<[string, (body: string) => string, string, string]>([
    ['unsigned chunks', (body) => body.replaceAll(/;chunk-signature=\w+/g, ''), '', '400 IncompleteBody'],
    [
      'an unsigned trailer',
      (body) => body.replace(/x-amz-trailer-signature.*\r\n/, ''),
      CRC32,
      '400 MalformedTrailerError',
    ],
    ['no last chunk', (body) => body.replace(/(?<=\r\n)0;[\s\S]*$/, ''), '', '400 IncompleteBody'],
  ])('is refused with %s', async (_name, tamper, checksum, expected) => {
    const trailer = checksum === '' ? '' : `x-amz-checksum-crc32:${checksum}`;
    expect(outcome(await put(tamper, trailer))).toBe(expected);
  });

  // The examples of the S3 reference, "Transferring Payload in Multiple Chunks", without and with a trailing header.
  it.each([
    [
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ],
    [
      '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ],
  ])('is verified as in example %# of the S3 reference', (seed, ...signatures) => {
    const scope = '20130524/us-east-1/s3/aws4_request';
    const signingKey = deriveSigningKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope);
    const verifier = createChunkVerifier({ signingKey, scope, timestamp: '20130524T000000Z', seed });
    for (const [index, size] of [65_536, 1024, 0].entries()) {
      verifier.update(Buffer.alloc(size, 'a'));
      verifier.endChunk(signatures[index] ?? '');
    }
  });
});

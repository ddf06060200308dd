import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import {
  encryptionHeaders,
  encryptionOf,
  possibleKeyIds,
  readingHeaders,
  sourceParameters,
} from '../../src/storage/encryption.ts';

const K1 = Buffer.alloc(32, 1);
const K2 = Buffer.alloc(32, 2);
const KEYS = `k2:${K2.toString('base64')},k1:${K1.toString('base64')}`;
const KEY = 'up/alice/_/_/0198c0de-0000-7000-8000-000000000001/a.txt';
const CUSTOMER = 'x-amz-server-side-encryption-customer-';
const BUCKET = { S3_BUCKET_NAME: 'uploads', AWS_REGION: 'eu-central-1' };

const storeOf = (env: Record<string, string>) => parseConfig({ ...BUCKET, KEY_PREFIX: 'up/', ...env }).store;

/** With so many pairs, whose values have so many characters: 9 less than one pair has in all. */
const contextOf = (pairs: number, length: number) =>
  JSON.stringify(Object.fromEntries(Array.from({ length: pairs }, (_, n) => [`n${n}`, 'v'.repeat(length)])));

/** RFC 5869 for 32 bytes: one round of the expansion. */
function hkdf(secret: Buffer, info: string): Buffer {
  const hmac = (key: Buffer, text: Buffer) => createHmac('sha256', key).update(text).digest();
  return hmac(hmac(Buffer.alloc(32), secret), Buffer.concat([Buffer.from(info), Buffer.from([1])]));
}

describe('SSE-C', () => {
  const store = storeOf({ SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS });

  it('gives every object a key of its own: HKDF-SHA-256 of the newest master key and the object key', () => {
    const key = hkdf(K2, `signpost sse-c v1\n${KEY}`);
    expect(encryptionHeaders(store, KEY)).toEqual({
      [`${CUSTOMER}algorithm`]: 'AES256',
      [`${CUSTOMER}key`]: key.toString('base64'),
      [`${CUSTOMER}key-md5`]: createHash('md5').update(key).digest('base64'),
    });
    expect(encryptionOf(store, KEY)).toEqual({
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
    });
    expect(encryptionHeaders(store, `${KEY}.other`)[`${CUSTOMER}key`]).not.toBe(key.toString('base64'));
  });

  it('derives the key of an older object from the master key that its row names', () => {
    const key = hkdf(K1, `signpost sse-c v1\n${KEY}`).toString('base64');
    expect(readingHeaders(store, { key: KEY, sseKeyId: 'k1' })[`${CUSTOMER}key`]).toBe(key);
    expect(sourceParameters(store, { key: KEY, sseKeyId: 'k1' })).toEqual({
      CopySourceSSECustomerAlgorithm: 'AES256',
      CopySourceSSECustomerKey: key,
    });
    expect(readingHeaders(store, { key: KEY, sseKeyId: null })).toEqual({});
  });

  it('answers 503 for a master key that is not there, and names it in the log alone', () => {
    const read = () => readingHeaders(store, { key: KEY, sseKeyId: 'k0' });
    expect(read).toThrow(expect.objectContaining({ code: 'storage-unavailable' }));
    expect(read).not.toThrow('k0');
  });

  it('tries the newest key first, and no key last; without SSE_MODE=c the other way around', () => {
    expect(possibleKeyIds(store)).toEqual(['k2', 'k1', null]);
    expect(possibleKeyIds(storeOf({ SSE_C_MASTER_KEYS: KEYS }))).toEqual([null, 'k2', 'k1']);
    expect(possibleKeyIds(storeOf({}))).toEqual([null]);
  });
});

describe('SSE-KMS', () => {
  const context = '{"owner":"user {owner}","application":"signpost"}';
  const kms = { SSE_MODE: 'kms', SSE_KMS_KEY_ID: 'alias/uploads' };

  it('sends the key, the context with the owner of the object, and whether to use a bucket key', () => {
    const store = storeOf({ ...kms, SSE_KMS_CONTEXT: context, SSE_KMS_BUCKET_KEY: 'true' });
    const text = '{"application":"signpost","owner":"user alice"}';
    const encoded = Buffer.from(text).toString('base64');
    expect(encryptionHeaders(store, KEY)).toEqual({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/uploads',
      'x-amz-server-side-encryption-context': encoded,
      'x-amz-server-side-encryption-bucket-key-enabled': 'true',
    });
    expect(encryptionOf(store, KEY)).toEqual({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'alias/uploads',
      SSEKMSEncryptionContext: encoded,
      BucketKeyEnabled: true,
    });
  });

  it('has the same context for the verified copy of an upload', () => {
    const store = storeOf({ ...kms, SSE_KMS_CONTEXT: context });
    const copy = KEY.replace('up/', 'up/.verified/0198c0de-0000-7000-8000-000000000002/');
    expect(encryptionHeaders(store, copy)).toEqual(encryptionHeaders(store, KEY));
  });
});

describe('the settings of encryption', () => {
  const errorOf = (env: Record<string, string>) => {
    try {
      storeOf(env);
    } catch (error) {
      return String(error);
    }
    return null;
  };
  const secret = K1.toString('base64');

  it.each([
    ['k1', secret],
    [`k1:${secret},`, null],
    [`k1:${secret}\nk2:${K2.toString('base64')}`, null],
    [`:${secret}`, secret],
    [`k 1:${secret}`, secret],
    [`${'k'.repeat(17)}:${secret}`, secret],
    [`k1:${secret},k1:${K2.toString('base64')}`, secret],
    [`k1:${secret},k2:${secret}`, secret],
    [`k1:${Buffer.alloc(31, 1).toString('base64')}`, secret],
    [`k1:${Buffer.alloc(33, 1).toString('base64')}`, secret],
    [`k1:${secret.replace('=', '')}`, secret],
    [`k1:${secret}:x`, secret],
    [',', secret],
  ])('reads the master keys %j, or says what they must be without naming one', (text, refused) => {
    const error = errorOf({ SSE_MODE: 'c', SSE_C_MASTER_KEYS: text });
    if (refused === null) return expect(error).toBeNull();
    expect(error).toMatch(/^\S+ SSE_C_MASTER_KEYS: must be one or more id:key/);
    expect(error).not.toContain(refused.slice(0, 12));
  });

  it.each([
    [{ SSE_MODE: 'c' }, 'SSE_C_MASTER_KEYS: required with SSE_MODE=c'],
    [{ SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS, PUBLIC_BASE_URL: 'https://cdn.example' }, 'PUBLIC_BASE_URL'],
    [{ SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS, S3_ENDPOINT: 'http://minio:9000' }, 'S3_ENDPOINT: must be https'],
    [{ SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS, S3_ENDPOINT: 'http://127.0.0.1:9000' }, null],
    [
      {
        SSE_MODE: 'c',
        SSE_C_MASTER_KEYS: KEYS,
        S3_ENDPOINT: 'http://localhost',
        S3_PUBLIC_ENDPOINT: 'http://s3.example',
      },
      'S3_PUBLIC_ENDPOINT: must be https',
    ],
    [{ SSE_MODE: 'c', SSE_C_MASTER_KEYS: KEYS, S3_PROVIDER: 'gcs' }, 'does not support c, only none'],
    [{ SSE_MODE: 'kms', S3_PROVIDER: 'r2' }, 'does not support kms, only none, c'],
    [{ SSE_MODE: 'kms', S3_PROVIDER: 'b2' }, 'does not support kms, only none, s3, c'],
    [{ SSE_MODE: 's3', SSE_KMS_CONTEXT: '{"a":"b"}' }, 'SSE_KMS_CONTEXT: needs SSE_MODE=kms'],
    [{ SSE_KMS_BUCKET_KEY: 'true' }, 'SSE_KMS_BUCKET_KEY: needs SSE_MODE=kms'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: '{}' }, 'SSE_KMS_CONTEXT: must be a JSON object'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: '["a"]' }, 'SSE_KMS_CONTEXT: must be a JSON object'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: contextOf(10, 1) }, null],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: contextOf(1, 1015) }, null],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: contextOf(11, 1) }, 'SSE_KMS_CONTEXT: must be a JSON object'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: contextOf(1, 1016) }, 'SSE_KMS_CONTEXT: must be a JSON object'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: '{"a":1}' }, 'SSE_KMS_CONTEXT: must be a JSON object'],
    [{ SSE_MODE: 'kms', SSE_KMS_CONTEXT: '{"a":"é"}' }, 'SSE_KMS_CONTEXT: must be a JSON object'],
  ])('holds %j', (env, message) => {
    if (message === null) expect(errorOf(env)).toBeNull();
    else expect(errorOf(env)).toContain(message);
  });
});

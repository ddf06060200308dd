import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataFiles, post, read, s3 } from './form-upload.ts';
import { outcome } from './s3-fixture.ts';

describe('the policy of a form', () => {
  const any = (field: string, prefix = '') => ['starts-with', `$${field}`, prefix];

  it.each<[string, Record<string, string>, unknown[]]>([
    ['a prefix', { key: 'user/x' }, [any('key', 'user/')]],
    ['an empty prefix', { key: 'x' }, [any('key')]],
    [
      'operators in any case',
      { key: 'x' },
      [
        ['StArTs-WiTh', '$kEy', ''],
        ['Content-LENGTH-Range', 0, 99],
      ],
    ],
    [
      'another case of a name',
      { Key: 'x', 'Content-Type': 'image/png' },
      [{ KEY: 'x' }, any('content-Type', 'image/')],
    ],
    [
      'each of several types',
      { key: 'x', 'content-type': 'image/png, image/gif' },
      [any('key'), any('Content-Type', 'image/')],
    ],
    ['a size', { key: 'x' }, [any('key'), ['content-length-range', 5, 5]]],
    ['a size as text', { key: 'x' }, [any('key'), ['content-length-range', '0', '10']]],
    ['no condition for an ignored field', { key: 'x', 'x-ignore-this': 'y' }, [any('key')]],
  ])('may require %s', async (_name, fields, conditions) => {
    expect(outcome(await post(fields, { conditions: [{ bucket: s3.bucket }, ...conditions] }))).toBe('204');
  });

  it.each<[string, Record<string, string>, unknown[], string, string]>([
    ['another key', { key: 'y' }, [{ key: 'x' }], 'AccessDenied', 'Policy Condition failed: ["eq", "$key", "x"]'],
    ['another prefix', { key: 'y' }, [any('key', 'x')], 'AccessDenied', 'Policy Condition failed'],
    ['another bucket', { key: 'x' }, [{ key: 'x' }, { bucket: 'other' }], 'AccessDenied', 'Policy Condition failed'],
    [
      'a field it does not name',
      { key: 'x', 'x-amz-meta-a': 'b' },
      [any('key')],
      'AccessDenied',
      'Extra input fields: x-amz-meta-a',
    ],
    [
      'a type it does not name',
      { key: 'x', 'content-type': 'a/b' },
      [any('key')],
      'AccessDenied',
      'Extra input fields: content-type',
    ],
    [
      'a field that is missing',
      { key: 'x' },
      [any('key'), { acl: 'private' }],
      'AccessDenied',
      'Policy Condition failed',
    ],
    [
      'one type of several',
      { key: 'x', 'content-type': 'image/a,text/b' },
      [any('key'), any('content-type', 'image/')],
      'AccessDenied',
      'Policy Condition failed',
    ],
    ['a larger file', { key: 'x' }, [any('key'), ['content-length-range', 0, 4]], 'EntityTooLarge', 'exceeds'],
    ['a smaller file', { key: 'x' }, [any('key'), ['content-length-range', 6, 9]], 'EntityTooSmall', 'smaller'],
  ])('refuses %s, and nothing is stored', async (_name, fields, conditions, code, message) => {
    const before = await dataFiles();
    const answer = await post(fields, { conditions });
    expect(answer.code).toBe(code);
    expect(answer.body.toString().replaceAll('&quot;', '"').replaceAll('","', '", "')).toContain(message);
    expect(await dataFiles()).toEqual(before);
    expect(await readdir(join(s3.directory, 'incoming'))).toEqual([]);
  });

  it('expires', async () => {
    const answer = await post({ key: 'x' }, { policy: { expiration: new Date(Date.now() - 1000).toISOString() } });
    expect(outcome(answer)).toBe('403 AccessDenied');
    expect(answer.body.toString()).toContain('Invalid according to Policy: Policy expired.');
  });

  it.each<[string, Record<string, unknown>]>([
    ['no expiration', { expiration: undefined }],
    ['no time', { expiration: 'tomorrow' }],
    ['an invalid time', { expiration: '2044-99-01T00:00:00Z' }],
    ['no conditions', { conditions: undefined }],
    ['conditions that are not a list', { conditions: {} }],
    ['another operator', { conditions: [['ends-with', '$key', 'x']] }],
    ['a name without $', { conditions: [['eq', 'key', 'x']] }],
    ['a value that is not text', { conditions: [{ key: 1 }] }],
    ['two fields in one condition', { conditions: [{ key: 'x', acl: 'private' }] }],
    ['half a range', { conditions: [['content-length-range', 1]] }],
    ['a malformed range', { conditions: [['content-length-range', -1, 'x']] }],
    ['null', { conditions: [null] }],
  ])('is invalid with %s', async (_name, policy) => {
    expect(outcome(await post({ key: 'x' }, { policy }))).toBe('400 InvalidPolicyDocument');
  });
});

describe('the signature of a form', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ['without a policy', { policy: undefined }, '403 AccessDenied'],
    ['with another policy', { policy: Buffer.from('{}').toString('base64') }, '403 SignatureDoesNotMatch'],
    ['with another signature', { 'x-amz-signature': '0'.repeat(64) }, '403 SignatureDoesNotMatch'],
    ['without a signature', { 'x-amz-signature': undefined }, '400 InvalidArgument'],
    ['with another algorithm', { 'x-amz-algorithm': 'AWS4-HMAC-SHA1' }, '400 InvalidArgument'],
    ['without a date', { 'x-amz-date': undefined }, '400 InvalidArgument'],
    ['with another date', { 'x-amz-date': '20200101T000000Z' }, '400 InvalidArgument'],
    ['with a malformed credential', { 'x-amz-credential': 'testkey' }, '400 InvalidArgument'],
    [
      'with another key id',
      {
        'x-amz-credential': `other/${new Date().toISOString().slice(0, 10).replaceAll('-', '')}/us-east-1/s3/aws4_request`,
      },
      '403 InvalidAccessKeyId',
    ],
    ['with a session token', { 'x-amz-security-token': 'x' }, '400 InvalidToken'],
    ['of version 2', { AWSAccessKeyId: 'x', signature: 'y' }, '400 InvalidRequest'],
  ])('is refused %s', async (_name, after, expected) => {
    expect(outcome(await post({ key: 'forged' }, { after }))).toBe(expected);
    await expect(read('forged')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

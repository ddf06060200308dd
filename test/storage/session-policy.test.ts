import { describe, expect, it } from 'vitest';
import { toUserId, type UserId } from '../../src/contract/object-key.ts';
import { sessionPolicy } from '../../src/storage/session-policy.ts';

const BOTH = { mayRead: true, mayWrite: true };
const AT = { bucket: 'uploads', keyPrefix: '', partition: 'aws' };
const user = (id: string): UserId => toUserId(id) ?? expect.fail(`${id} is no user id`);
type Statement = { Effect: string; Action: string[]; Resource: string; Condition?: object };
const statements = (...args: Parameters<typeof sessionPolicy>) =>
  JSON.parse(sessionPolicy(...args) ?? '{}').Statement as Statement[];

describe('the session policy', () => {
  it('allows what the scopes do, under the prefix alone', () => {
    const list = {
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: 'arn:aws:s3:::uploads',
      Condition: { StringLike: { 's3:prefix': 'alice/*' } },
    };
    const objects = 'arn:aws:s3:::uploads/alice/*';
    const read = { Effect: 'Allow', Action: ['s3:GetObject'], Resource: objects };
    const write = {
      Effect: 'Allow',
      Resource: objects,
      Action: ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
    };
    const allowed = (rights: typeof BOTH) =>
      statements(AT, user('alice'), rights).filter(({ Effect }) => Effect === 'Allow');
    expect(allowed(BOTH)).toEqual([list, read, write]);
    expect(allowed({ mayRead: true, mayWrite: false })).toEqual([list, read]);
    expect(allowed({ mayRead: false, mayWrite: true })).toEqual([list, write]);
  });

  it('denies to write the keys of uploads', () => {
    const denied = statements(AT, user('alice'), BOTH).filter(({ Effect }) => Effect === 'Deny');
    expect(denied).toEqual([
      {
        Effect: 'Deny',
        Action: ['s3:PutObject', 's3:DeleteObject'],
        Resource: 'arn:aws:s3:::uploads/alice/*/*/????????-????-7???-????-????????????/*',
      },
    ]);
  });

  it.each([
    '*',
    '?',
    'al*',
    '${aws:username}',
    '$',
    '../bob',
    'a/b',
    '"},{"Effect":"Allow"',
    "'",
    '\\',
    'alice*/',
    '~',
    '.',
    '%2F',
    'ü',
    '\u202e',
    '💥',
    ' ',
    'arn:aws:s3:::*',
    '${*}',
    '${?}',
    '{}',
    '[]',
    ',',
  ])('has no character with a meaning of its own for the user %s', (id) => {
    const text = sessionPolicy({ ...AT, keyPrefix: 'uploads/' }, user(id), BOTH) ?? '';
    const segment = `~${Buffer.from(id).toString('base64url')}`;
    expect(text).toBe(
      sessionPolicy({ ...AT, keyPrefix: 'uploads/' }, user('alice'), BOTH)?.replaceAll('alice', segment),
    );
    expect(segment).toMatch(/^~[A-Za-z0-9_-]+$/);
  });

  it('names the partition of the role and the prefix of the service', () => {
    const [list, read] = statements({ bucket: 'b', keyPrefix: 'up/', partition: 'aws-cn' }, user('bob'), BOTH);
    expect(list).toMatchObject({
      Resource: 'arn:aws-cn:s3:::b',
      Condition: { StringLike: { 's3:prefix': 'up/bob/*' } },
    });
    expect(read?.Resource).toBe('arn:aws-cn:s3:::b/up/bob/*');
  });

  it('is not made longer than STS takes', () => {
    expect(sessionPolicy(AT, user('u'.repeat(128)), BOTH)?.length).toBeLessThanOrEqual(2048);
    expect(sessionPolicy(AT, user('ü'.repeat(127)), BOTH)?.length).toBeLessThanOrEqual(2048);
    expect(sessionPolicy({ ...AT, keyPrefix: `${'k'.repeat(255)}/` }, user('ü'.repeat(127)), BOTH)).toBeNull();
  });
});

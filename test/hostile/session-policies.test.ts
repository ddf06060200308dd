import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildObjectKey, frozenKey, toUserId, type UserId, userPrefix } from '../../src/contract/object-key.ts';
import { createApp } from '../../src/http/app.ts';
import type { SessionRequest } from '../../src/storage/role-sessions.ts';
import { sessionPolicy } from '../../src/storage/session-policy.ts';
import { mint, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

type Statement = {
  Effect: 'Allow' | 'Deny';
  Action: string[];
  Resource: string;
  Condition?: { StringLike: { 's3:prefix': string } };
};
/** What a session asks for: an action on an object, or a listing with a prefix. */
type Asked = { action: string; resource: string; prefix?: string };

const BUCKET = 'arn:aws:s3:::uploads';
const AT = { bucket: 'uploads', partition: 'aws' };
const BOTH = { mayRead: true, mayWrite: true };
const FILE_ID = '0198c0de-0000-7000-8000-000000000001';
const user = (id: string): UserId => toUserId(id) ?? expect.fail(`${id} is no user id`);

/**
 * A policy as IAM reads it (IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Resource"): `*` is
 * any text, also with slashes, `?` is one character, and `${…}` is a variable of the session.
 */
function allows(policy: string | null, { action, resource, prefix }: Asked): boolean {
  const { Statement } = JSON.parse(policy ?? '{"Statement":[]}') as { Statement: Statement[] };
  const like = (pattern: string, text: string) => {
    expect(pattern).not.toMatch(/\$\{/);
    const parts = [...pattern].map((each) =>
      each === '*' ? '.*' : each === '?' ? '.' : each.replace(/[\\^$.|+()[\]{}]/, '\\$&'),
    );
    return new RegExp(`^${parts.join('')}$`, 'su').test(text);
  };
  const matches = Statement.filter(
    (each) =>
      each.Action.some((pattern) => like(pattern, action)) &&
      like(each.Resource, resource) &&
      (each.Condition === undefined || (prefix !== undefined && like(each.Condition.StringLike['s3:prefix'], prefix))),
  );
  return matches.some(({ Effect }) => Effect === 'Allow') && !matches.some(({ Effect }) => Effect === 'Deny');
}

const ON_OBJECTS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];

/** Ids that mean something in a policy, a path, a URL, JSON or a shell, and any other. */
const hostileId = fc
  .oneof(
    fc
      .array(
        fc.constantFrom(
          ...['*', '?', '$' + '{aws:username}', '/', '..', '.', '"', '\\', '~', 'alice', 'bob', '%2F', ','],
        ),
        { minLength: 1, maxLength: 6 },
      )
      .map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'abAB09_-'), minLength: 1, maxLength: 128 }),
  )
  .map(toUserId)
  .filter((id) => id !== null);
const keyPrefix = fc.constantFrom('', 'up/', 'a/b/', '~', 'alice/');

describe('the session policy of one user', () => {
  it("allows nothing on another's keys, whoever both are", () => {
    const rest = fc.constantFrom('x', 'photos/1.jpg', `_/_/${FILE_ID}/a.txt`, '', '../x', '*');
    fc.assert(
      fc.property(hostileId, hostileId, keyPrefix, rest, (one, other, prefix, name) => {
        fc.pre(one !== other);
        const policy = sessionPolicy({ ...AT, keyPrefix: prefix }, one, BOTH);
        const theirs = `${userPrefix(prefix, other)}${name}`;
        for (const action of ON_OBJECTS) {
          expect(allows(policy, { action, resource: `${BUCKET}/${theirs}` }), `${action} ${theirs}`).toBe(false);
        }
        expect(allows(policy, { action: 's3:ListBucket', resource: BUCKET, prefix: theirs })).toBe(false);
      }),
      { seed: 20261127, numRuns: 500 },
    );
  });

  it('lets every user put and read under the own prefix, and never write an upload', () => {
    const label = fc.option(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/));
    fc.assert(
      fc.property(hostileId, keyPrefix, label, label, fc.uuid({ version: 7 }), (userId, prefix, record, type, id) => {
        const policy = sessionPolicy({ ...AT, keyPrefix: prefix }, userId, BOTH);
        const may = (action: string, key: string) => allows(policy, { action, resource: `${BUCKET}/${key}` });
        const own = `${userPrefix(prefix, userId)}photos/1.jpg`;
        expect([may('s3:PutObject', own), may('s3:GetObject', own), may('s3:DeleteObject', own)]).toEqual(
          Array(3).fill(true),
        );
        const parts = { userId, recordId: record, documentType: type, fileId: id, fileName: 'a.txt' };
        const upload = buildObjectKey(prefix, parts);
        expect([may('s3:PutObject', upload), may('s3:DeleteObject', upload)]).toEqual([false, false]);
        expect(may('s3:GetObject', upload)).toBe(true);
        const copy = frozenKey(prefix, upload, FILE_ID);
        for (const action of ON_OBJECTS) expect(may(action, copy)).toBe(false);
        expect(policy?.length).toBeLessThanOrEqual(2048);
      }),
      { seed: 20261127, numRuns: 300 },
    );
  });

  const policy = sessionPolicy({ ...AT, keyPrefix: 'up/' }, user('alice'), BOTH);

  it.each([
    '',
    'u',
    'up',
    'up/',
    'up/a',
    'up/alic',
    'up/alice',
    'up/alice2/',
    'up/Alice/',
    'alice/',
    '/up/alice/',
    'up/../up/bob/',
    'up//alice/',
    'up/%61lice/',
    'up/bob/',
    'up/*',
    'up/?lice/',
    'up/alicE/',
    ' up/alice/',
  ])('does not allow to list with the prefix %j', (prefix) => {
    expect(allows(policy, { action: 's3:ListBucket', resource: BUCKET, prefix })).toBe(false);
  });

  it('does not allow to list without a prefix, or another bucket', () => {
    expect(allows(policy, { action: 's3:ListBucket', resource: BUCKET })).toBe(false);
    for (const resource of [`${BUCKET}-2`, 'arn:aws:s3:::*', `${BUCKET}/up/alice/x`]) {
      expect(allows(policy, { action: 's3:ListBucket', resource, prefix: 'up/alice/' })).toBe(false);
    }
  });

  it.each([
    'GetObjectVersion',
    'DeleteObjectVersion',
    'GetObjectAcl',
    'PutObjectAcl',
    'GetObjectTagging',
    'PutObjectTagging',
    'PutObjectRetention',
    'PutObjectLegalHold',
    'BypassGovernanceRetention',
    'RestoreObject',
    'ReplicateObject',
    'ListBucketVersions',
    'ListBucketMultipartUploads',
    'ListAllMyBuckets',
    'CreateBucket',
    'DeleteBucket',
    'GetBucketPolicy',
    'PutBucketPolicy',
    'DeleteBucketPolicy',
    'PutBucketAcl',
    'PutBucketPublicAccessBlock',
    'PutBucketCORS',
    'PutBucketNotification',
    'PutLifecycleConfiguration',
    'PutBucketVersioning',
    'PutBucketWebsite',
    'PutEncryptionConfiguration',
    'PutReplicationConfiguration',
    'PutInventoryConfiguration',
    'CreateAccessPoint',
    'CreateJob',
    'ObjectOwnerOverrideToBucketOwner',
    '*',
  ])('does not allow s3:%s', (name) => {
    for (const resource of [BUCKET, `${BUCKET}/up/alice/x`, '*']) {
      expect(allows(policy, { action: `s3:${name}`, resource, prefix: 'up/alice/' })).toBe(false);
    }
  });

  it.each(['sts:AssumeRole', 'sts:GetFederationToken', 'iam:CreateUser', 'kms:Decrypt', 'sqs:SendMessage', '*'])(
    'does not allow %s',
    (action) => {
      for (const resource of ['*', BUCKET, 'arn:aws:iam::1:role/uploads']) {
        expect(allows(policy, { action, resource, prefix: 'up/alice/' })).toBe(false);
      }
    },
  );

  it.each([
    ['reading', { mayRead: true, mayWrite: false }, ['s3:GetObject']],
    ['writing', { mayRead: false, mayWrite: true }, ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload']],
    ['neither', { mayRead: false, mayWrite: false }, []],
  ])('allows no more with the right of %s', (_, rights, allowed) => {
    const narrow = sessionPolicy({ ...AT, keyPrefix: '' }, user('alice'), rights);
    const may = (action: string) => allows(narrow, { action, resource: `${BUCKET}/alice/x` });
    expect(ON_OBJECTS.filter(may)).toEqual(allowed);
  });

  it('is whole JSON within the length that STS takes, or there is none, whatever the length of the id', () => {
    for (const unit of ['u', 'ü', '\u{1f4a5}', '*']) {
      for (let bytes = Buffer.byteLength(unit); bytes <= 255; bytes += Buffer.byteLength(unit)) {
        const id = user(unit.repeat(bytes / Buffer.byteLength(unit)));
        for (const prefix of ['', `${'k'.repeat(200)}/`, `${'k'.repeat(255)}/`]) {
          const text = sessionPolicy({ ...AT, keyPrefix: prefix }, id, BOTH);
          if (text === null) continue;
          expect(text.length).toBeLessThanOrEqual(2048);
          expect((JSON.parse(text) as { Statement: object[] }).Statement).toHaveLength(4);
        }
      }
    }
  });
});

describe('POST /temporary-credentials', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());

  /** What STS was asked for by this request. */
  async function asked(scope: string, body: unknown = {}, headers: Record<string, string> = {}) {
    const requests: SessionRequest[] = [];
    const open = async (request: SessionRequest) => {
      requests.push(request);
      return null;
    };
    const sts = { roleArn: 'arn:aws:iam:::role/uploads', endpoint: undefined, maxSeconds: 3600 };
    const services = withConfig({ ...service.services, roleSessions: { open } }, 'sts', sts);
    const app = createApp({ ...services, config: { ...services.config, sts } });
    const authorization = `Bearer ${await mint('alice', { scope })}`;
    const init = { method: 'POST', body: JSON.stringify(body) };
    const json = { authorization, 'content-type': 'application/json', ...headers };
    const { status } = await app.request('/temporary-credentials', { ...init, headers: json });
    return { status, requests };
  }

  const SCOPES = ['files:read', 'files:write', 'files:judge', 'files:credentials'];
  it.each(Array.from({ length: 16 }, (_, set) => SCOPES.filter((_, index) => (set >> index) % 2 === 1)))(
    'asks for no more than the scopes allow: %s %s %s %s',
    async (...given) => {
      const scopes = given.filter((scope) => scope !== undefined);
      const [mayRead, mayWrite] = [scopes.includes('files:read'), scopes.includes('files:write')];
      const { requests } = await asked(scopes.join(' ') || 'none');
      const isAsked = scopes.includes('files:credentials') && (mayRead || mayWrite);
      expect(requests.map(({ rights }) => rights)).toEqual(isAsked ? [{ mayRead, mayWrite }] : []);
    },
  );

  const WIDENINGS = [
    { policy: '{}' },
    { Policy: '{}' },
    { prefix: 'bob/' },
    { userId: 'bob' },
    { roleArn: 'arn:aws:iam:::role/x' },
    { bucket: 'other' },
    { name: 'x' },
    { rights: { mayRead: true } },
    { scope: 'files:admin' },
    { sub: 'bob' },
    { DurationSeconds: 43_200 },
    { expiresIn: 1e9 },
    { expiresIn: -900 },
    { expiresIn: '3600' },
    { tags: [] },
    { expiresIn: 899 },
    { expiresIn: 1e-3 },
    { expiresIn: [3600] },
    { expiresIn: { $gt: 0 } },
    [],
    'x',
    1,
    null,
  ];
  it.each(WIDENINGS.map((body) => [JSON.stringify(body), body]))('refuses %s', async (_, body) => {
    const { status, requests } = await asked('files:read files:credentials', body);
    expect([status, requests]).toEqual([400, []]);
  });

  it.each(['a'.repeat(128), 'x=y,z=@', '../../x', 'a/b', '-', '\u00e9', `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.c`])(
    'names the session as STS takes names, with the request id %j',
    async (id) => {
      const { requests } = await asked('files:read files:credentials', {}, { 'x-request-id': id });
      expect(requests[0]?.name).toMatch(/^signpost-[A-Za-z0-9._-]{1,55}$/);
    },
  );

  it.each(['bob', '*', 'bob/', '~Ym9i'])('takes nobody for the user %j who may not act for others', async (other) => {
    const { status, requests } = await asked('files:read files:credentials', {}, { 'x-on-behalf-of': other });
    expect([status, requests]).toEqual([403, []]);
  });
});

import * as s3 from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSessions } from '../../src/doctor/check-sessions.ts';
import { presignPost } from '../../src/signing/presign-post.ts';
import { resolveEndpoint } from '../../src/signing/resolve-endpoint.ts';
import type { TemporaryCredentials } from '../../src/uploads/issue-credentials.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import {
  begin,
  copy,
  get,
  head,
  issue,
  list,
  outcome,
  put,
  remove,
  SCOPE,
  type Send,
  type Session,
  sendPart,
  takePart,
} from './session-client.ts';

const { TEST_S3_ROLE_ARN: ROLE = '' } = process.env;

let service: TestService;
let alice: Session;
let theirs: { fileId: string; objectKey: string };
let own: { fileId: string; objectKey: string };
beforeAll(async () => {
  expect(ROLE, 'TEST_S3_ROLE_ARN: see .ci/rgw').not.toBe('');
  service = await startTestService({ env: { TEMPORARY_CREDENTIALS_ROLE_ARN: ROLE } });
  theirs = await service.store('bob', 'for bob');
  own = await service.store('alice', 'verified');
  await service.bucket.write('.signpost-sweeper', '{}');
  alice = await issue(service, 'alice');
});
afterAll(() => service.close());

describe('temporary credentials, on Ceph', () => {
  it('come with everything that a client needs', () => {
    const { body } = alice;
    const { endpoint, name } = service.bucket;
    expect(body).toMatchObject({ bucket: name, endpoint, region: 'us-east-1', forcePathStyle: true, prefix: 'alice/' });
    const seconds = (Date.parse(body.expiresAt) - Date.parse(body.serverTime)) / 1000;
    expect(seconds).toBeGreaterThan(3000);
    expect(seconds).toBeLessThanOrEqual(3610);
  });

  it('list, put, read, copy and remove under the prefix, in parts as well', async () => {
    expect(await outcome(put('alice/photos/1.jpg'), alice)).toBe('ok');
    expect(await outcome(list('alice/'), alice)).toBe('ok');
    expect(await outcome(list('alice/photos/'), alice)).toBe('ok');
    expect(await outcome(get('alice/photos/1.jpg'), alice)).toBe('ok');
    expect(await outcome(copy('alice/photos/1.jpg', 'alice/photos/2.jpg'), alice)).toBe('ok');
    expect(await outcome(remove('alice/photos/2.jpg'), alice)).toBe('ok');
    expect(await outcome(sendPart('alice/photos/3.jpg'), alice)).toBe('ok');
    expect(await outcome(get(own.objectKey), alice)).toBe('ok');
  });

  it.each<[string, () => Send]>([
    ['list the bucket', () => list()],
    ['list with an empty prefix', () => list('')],
    ['list a shorter prefix', () => list('alice')],
    ['list another user', () => list('bob/')],
    ['list a longer name', () => list('alice2/')],
    ['read another user', () => get(theirs.objectKey)],
    ['look at another user', () => head(theirs.objectKey)],
    ['put to another user', () => put('bob/x')],
    ['put beside the prefix', () => put('alice')],
    ['put to a longer name', () => put('alice2/x')],
    ['put to the copies of verified uploads', () => put('.verified/x')],
    ['replace another user’s file', () => put(theirs.objectKey)],
    ['remove another user’s file', () => remove(theirs.objectKey)],
    ['copy from another user', () => copy(theirs.objectKey, 'alice/stolen')],
    ['copy to another user', () => copy(own.objectKey, 'bob/given')],
    ['begin parts for another user', () => begin('bob/parts')],
    ['copy a part from another user', () => takePart(theirs.objectKey)],
    ['read the sweeper’s marker', () => get('.signpost-sweeper')],
    ['replace the sweeper’s marker', () => put('.signpost-sweeper')],
    ['remove the sweeper’s marker', () => remove('.signpost-sweeper')],
    ['replace a file that was verified', () => put(own.objectKey)],
    ['replace it in parts', () => begin(own.objectKey)],
    ['copy over it', () => copy('alice/photos/1.jpg', own.objectKey)],
    ['remove it', () => remove(own.objectKey)],
    ['put an upload’s key', () => put('alice/r/d/01980000-0000-7000-8000-000000000001/a.txt')],
    [
      'change an ACL',
      () => (client, Bucket) =>
        client.send(new s3.PutObjectAclCommand({ Bucket, Key: own.objectKey, ACL: 'public-read' })),
    ],
    ['read an ACL', () => (client, Bucket) => client.send(new s3.GetObjectAclCommand({ Bucket, Key: own.objectKey }))],
    [
      'list versions',
      () => (client, Bucket) => client.send(new s3.ListObjectVersionsCommand({ Bucket, Prefix: 'alice/' })),
    ],
    [
      'remove a version',
      () => (client, Bucket) =>
        client.send(new s3.DeleteObjectCommand({ Bucket, Key: 'alice/photos/1.jpg', VersionId: 'null' })),
    ],
    [
      'read tags',
      () => (client, Bucket) => client.send(new s3.GetObjectTaggingCommand({ Bucket, Key: own.objectKey })),
    ],
    [
      'change tags',
      () => (client, Bucket) =>
        client.send(new s3.PutObjectTaggingCommand({ Bucket, Key: own.objectKey, Tagging: { TagSet: [] } })),
    ],
    ['list unfinished uploads', () => (client, Bucket) => client.send(new s3.ListMultipartUploadsCommand({ Bucket }))],
    ['read the bucket’s policy', () => (client, Bucket) => client.send(new s3.GetBucketPolicyCommand({ Bucket }))],
    [
      'change the bucket’s policy',
      () => (client, Bucket) => client.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: '{}' })),
    ],
    [
      'open the bucket',
      () => (client, Bucket) => client.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })),
    ],
    [
      'change versioning',
      () => (client, Bucket) =>
        client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })),
    ],
    ['change CORS', () => (client, Bucket) => client.send(new s3.DeleteBucketCorsCommand({ Bucket }))],
    ['change the lifecycle', () => (client, Bucket) => client.send(new s3.DeleteBucketLifecycleCommand({ Bucket }))],
    ['remove the bucket', () => (client, Bucket) => client.send(new s3.DeleteBucketCommand({ Bucket }))],
    ['list buckets', () => (client) => client.send(new s3.ListBucketsCommand({}))],
    ['make a bucket', () => (client, Bucket) => client.send(new s3.CreateBucketCommand({ Bucket: `${Bucket}-2` }))],
  ])('cannot %s', async (_what, send) => {
    expect(await outcome(send(), alice)).toBe(403);
  });

  it('cannot remove others’ objects by a list, nor assume the role again', async () => {
    const Delete = { Objects: [{ Key: theirs.objectKey }, { Key: own.objectKey }, { Key: '.signpost-sweeper' }] };
    await outcome((client, Bucket) => client.send(new s3.DeleteObjectsCommand({ Bucket, Delete })), alice);
    for (const key of [theirs.objectKey, own.objectKey, '.signpost-sweeper']) {
      expect(await service.bucket.read(key)).not.toBeNull();
    }
    const sts = new STSClient({ endpoint: alice.endpoint, region: 'us-east-1', credentials: alice.body });
    const again = new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'again' });
    await expect(sts.send(again)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
  });

  it('sign forms for their own prefix, and for nothing else', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = alice.body;
    const { name: bucket, endpoint } = service.bucket;
    const at = await resolveEndpoint({ bucket, region: 'us-east-1', endpoint, forcePathStyle: true });
    const submit = async (key: string) => {
      const form = { key, fields: { 'Content-Type': 'text/plain' }, sizes: [1, 9] as const, expiresInSeconds: 60 };
      const signed = presignPost(at, { accessKeyId, secretAccessKey, sessionToken }, form, new Date());
      const data = new FormData();
      for (const [field, value] of Object.entries(signed.fields)) data.append(field, value);
      data.append('file', new Blob(['hello']));
      return (await fetch(signed.url, { method: 'POST', body: data })).status;
    };
    expect(await submit('alice/by-form.txt')).toBe(204);
    for (const key of ['bob/by-form.txt', '.verified/x', '.signpost-sweeper', theirs.objectKey, own.objectKey]) {
      expect(await submit(key), key).toBe(403);
    }
  });

  it.each(['*', '?lice', 'alice/*', '$' + '{aws:username}', '"},{"Effect":"Allow"', 'ali*'])(
    'reach no other prefix for the user %s',
    async (user) => {
      const session = await issue(service, user);
      expect(session.prefix).toBe(`~${Buffer.from(user).toString('base64url')}/`);
      expect(await outcome(put(`${session.prefix}x`), session)).toBe('ok');
      for (const send of [list(), list('alice/'), get(own.objectKey), put('alice/x'), remove('alice/x')]) {
        expect(await outcome(send, session)).toBe(403);
      }
    },
  );

  it('put objects that become files by adopting them, whose bytes they cannot reach', async () => {
    expect(await outcome(put('alice/adopted.txt'), alice)).toBe('ok');
    const adopt = { objectKey: 'alice/adopted.txt', adopt: true };
    const { status, body } = await service.call<{ fileId: string }>('alice', '/confirm-upload', adopt);
    expect(status).toBe(201);
    const row = await service.services.files.findAny({ id: body.fileId, ownerId: 'alice' });
    const key = row?.storedKey ?? '';
    expect(key).toMatch(/^\.verified\//);
    for (const send of [get(key), put(key), remove(key), copy('alice/photos/1.jpg', key)]) {
      expect(await outcome(send, alice)).toBe(403);
    }
    expect(await outcome(remove('alice/adopted.txt'), alice)).toBe('ok');
    expect(String(await service.bucket.read(key))).toBe('x');
  });

  it('can do no more than the scopes', async () => {
    const reader = await issue(service, 'alice', 'files:read files:credentials');
    expect(await outcome(get(own.objectKey), reader)).toBe('ok');
    expect(await outcome(put('alice/x'), reader)).toBe(403);
    const writer = await issue(service, 'alice', 'files:write files:credentials');
    expect(await outcome(put('alice/x'), writer)).toBe('ok');
    expect(await outcome(get('alice/x'), writer)).toBe(403);
  });

  it('are in the audit log, with the admin who asked for another user', async () => {
    const authorization = `Bearer ${await mint('root', { scope: 'files:admin' })}`;
    const headers = { authorization, 'x-on-behalf-of': 'carol' };
    const { body } = await service.call<TemporaryCredentials>('root', '/temporary-credentials', {}, { headers });
    expect(body.prefix).toBe('carol/');
    const { body: log } = await service.call<{ events: object[] }>('carol', '/audit');
    expect(log.events).toMatchObject([
      { action: 'credentials.issue', outcome: 'ok', actorId: 'root', userId: 'carol', objectKey: 'carol/' },
    ]);
    expect(JSON.stringify([log, service.logs])).not.toContain(body.secretAccessKey);
  });

  it('are tried by the doctor', async () => {
    for await (const check of checkSessions(service.services)) expect(check.verdict, check.detail).toBe('ok');
  });

  it('are answered to Uppy as Companion does', async () => {
    const authorization = `Bearer ${await mint('alice', { scope: SCOPE })}`;
    const { body } = await service.call('alice', '/s3/sts', undefined, { headers: { authorization } });
    expect(body).toEqual({
      credentials: {
        AccessKeyId: expect.any(String),
        SecretAccessKey: expect.any(String),
        SessionToken: expect.any(String),
        Expiration: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      bucket: service.bucket.name,
      region: 'us-east-1',
      prefix: 'alice/',
    });
  });
});

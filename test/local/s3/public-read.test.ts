import {
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { matchesResource } from '../../../src/local/s3/policy/matches-resource.ts';
import { type Fixture, outcome, startFixture } from './s3-fixture.ts';

let s3: Fixture;
let arn: string;
beforeAll(async () => {
  s3 = await startFixture();
  arn = `arn:aws:s3:::${s3.bucket}`;
  const Bucket = s3.bucket;
  await s3.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  for (const Key of ['public/a b', 'private']) {
    await s3.client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ContentType: 'text/plain' }));
    await s3.client.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
  }
});
afterAll(() => s3.stop());
beforeEach(() => s3.client.send(new DeleteBucketPolicyCommand({ Bucket: s3.bucket })));

const setPolicy = (Policy: string) => s3.client.send(new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy }));
const allow = (more: Record<string, unknown> = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Sid: 'r', Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `${arn}/public/*`, ...more },
    ],
  });
const get = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
  s3.raw({ method, path: `/${s3.bucket}/${path}`, headers });

describe('a bucket policy', () => {
  it('lets everybody read only the objects it names', async () => {
    expect(outcome(await get('public/a%20b'))).toBe('403 AccessDenied');
    await setPolicy(allow());
    const answer = await get('public/a%20b?cache=buster', 'GET', { range: 'bytes=1-3' });
    expect([answer.status, String(answer.body), answer.headers['content-type']]).toEqual([206, 'ell', 'text/plain']);
    expect((await get('public/a%20b', 'HEAD')).headers['content-length']).toBe('5');
    for (const path of [
      'private',
      'public/missing',
      'public/a%20b?versionId=null',
      'public/a%20b?tagging',
      'public/a%20b?acl',
      'public/a%20b?attributes',
      'public/a%20b?response-content-type=text/html',
      'public/a%20b?x-amz-meta-a=b',
      '',
      '?list-type=2',
      '?policy',
    ]) {
      expect(outcome(await get(path)), path).toBe('403 AccessDenied');
    }
    for (const method of ['PUT', 'DELETE', 'POST']) {
      expect(outcome(await get('public/a%20b', method)), method).toBe('403 AccessDenied');
    }
  });

  it('is returned as sent, until it is deleted', async () => {
    const Bucket = s3.bucket;
    await setPolicy(allow());
    expect((await s3.client.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(allow());
    await s3.client.send(new DeleteBucketPolicyCommand({ Bucket }));
    expect(outcome(await get('public/a%20b'))).toBe('403 AccessDenied');
    const read = s3.client.send(new GetBucketPolicyCommand({ Bucket }));
    await expect(read).rejects.toMatchObject({ name: 'NoSuchBucketPolicy' });
  });

  it('may name its principal and several resources in other ways', async () => {
    const Resource = [`${arn}/public/?*b`, `${arn}/other`];
    await setPolicy(allow({ Principal: { AWS: '*' }, Action: ['s3:GetObject'], Resource }));
    expect((await get('public/a%20b')).status).toBe(200);
    await setPolicy(allow({ Principal: { AWS: ['*'] } }));
    expect((await get('public/a%20b')).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>]>([
    ['another action', { Action: 's3:*' }],
    ['a second action', { Action: ['s3:GetObject', 's3:PutObject'] }],
    ['no action', { Action: [] }],
    ['no principal', { Principal: { AWS: [] } }],
    ['a denial', { Effect: 'Deny' }],
    ['another principal', { Principal: { AWS: 'arn:aws:iam::123456789012:root' } }],
    ['a condition', { Condition: { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } } }],
    ['NotAction', { NotAction: 's3:GetObject', Action: undefined }],
    ['a variable', { Resource: ['arn:aws:s3:::x/$', '{aws:userid}'].join('') }],
  ])('with %s is refused as not implemented', async (_name, more) => {
    await expect(setPolicy(allow(more))).rejects.toMatchObject({ name: 'NotImplemented' });
  });

  it.each<[string, () => string]>([
    ['invalid JSON', () => 'x'],
    ['a list', () => '[]'],
    ['no version', () => JSON.stringify({ Statement: [] })],
    ['no statement', () => JSON.stringify({ Version: '2012-10-17', Statement: [] })],
    ['another bucket', () => allow({ Resource: 'arn:aws:s3:::other/*' })],
    ['the bucket itself', () => allow({ Resource: arn })],
    ['no resource', () => allow({ Resource: [] })],
    ['20 KiB and more', () => allow({ Sid: 'x'.repeat(21_000) })],
  ])('is malformed with %s', async (_name, policy) => {
    await expect(setPolicy(policy())).rejects.toMatchObject({ name: 'MalformedPolicy' });
  });
});

describe('matchesResource', () => {
  it.each([
    ['a/*', 'a/b', true],
    ['a/*', 'a', false],
    ['*', '', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*b*d', 'abcd', true],
    ['*b*d', 'abcde', false],
    ['a.c', 'abc', false],
  ])('%s on %s: %s', (pattern, resource, expected) => {
    expect(matchesResource(pattern, resource)).toBe(expected);
  });

  it('is fast for many stars', () => {
    expect(matchesResource('*a'.repeat(500), 'a'.repeat(1000).concat('b'))).toBe(false);
  });
});

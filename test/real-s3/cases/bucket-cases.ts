import type { Step } from '../compare-stores.ts';
import { type Case, put } from './case.ts';

export function bucketCases(): Case[] {
  const policy = (more: Record<string, unknown> = {}) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::{bucket}/pub/*', ...more },
      ],
    });
  const setPolicy = (text: string): Step => ({ method: 'PUT', at: '?policy', text });
  const removePolicy: Step = { method: 'DELETE', at: '?policy' };
  const withAcl = (acl: string): Step => ({ ...put(`acl-${acl}`), headers: { 'x-amz-acl': acl } });
  const rule = (body: string) =>
    `<LifecycleConfiguration><Rule><ID>a</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>${body}</Rule></LifecycleConfiguration>`;
  const setRules = (text: string): Step => ({ method: 'PUT', at: '?lifecycle', text });
  const abort =
    '<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>';
  const cases: [string, Step[]][] = [
    ['its location', [{ at: '?location' }, { at: '-other?location' }]],
    [
      'creation and removal',
      [
        { method: 'PUT', at: '-more' },
        { method: 'PUT', at: '-more/k', text: 'x' },
        { method: 'DELETE', at: '-more' },
        { method: 'DELETE', at: '-more/k' },
        { method: 'DELETE', at: '-more' },
        { method: 'DELETE', at: '-more' },
        { at: '-more/k' },
      ],
    ],
    ['its access control list', [{ at: '?acl' }, put('acl'), { at: '/acl?acl' }, { at: '/acl-missing?acl' }]],
    ...['private', 'bucket-owner-full-control', 'bucket-owner-read', 'public-read', 'nonsense'].map(
      (acl): [string, Step[]] => [`x-amz-acl: ${acl}`, [withAcl(acl)]],
    ),
    ['no policy', [{ at: '?policy' }, removePolicy]],
    [
      'a policy that lets everybody read',
      [
        put('pub/a'),
        put('other'),
        setPolicy(policy()),
        { at: '/pub/a', isUnsigned: true },
        { method: 'HEAD', at: '/pub/a', isUnsigned: true },
        { at: '/other', isUnsigned: true },
        { at: '/pub/missing', isUnsigned: true },
        { at: '/pub/a?tagging', isUnsigned: true },
        { method: 'PUT', at: '/pub/a', text: 'x', isUnsigned: true },
        { method: 'DELETE', at: '/pub/a', isUnsigned: true },
        { at: '?list-type=2', isUnsigned: true },
        removePolicy,
        { at: '/pub/a', isUnsigned: true },
      ],
    ],
    ['a policy that is not JSON', [setPolicy('x')]],
    ['a policy of another bucket', [setPolicy(policy({ Resource: 'arn:aws:s3:::another/*' })), removePolicy]],
    ['no lifecycle rules', [{ at: '?lifecycle' }, { method: 'DELETE', at: '?lifecycle' }]],
    [
      'lifecycle rules',
      [setRules(rule(abort)), { at: '?lifecycle' }, { method: 'DELETE', at: '?lifecycle' }, { at: '?lifecycle' }],
    ],
    ['lifecycle rules that are not XML', [setRules('x')]],
    ['lifecycle rules that do nothing', [setRules(rule(''))]],
  ];
  return cases.map(([name, steps]) => ({ name: `a bucket: ${name}`, steps }));
}

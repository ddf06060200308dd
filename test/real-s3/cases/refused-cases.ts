import type { Step } from '../compare-stores.ts';
import { type Case, md5, put } from './case.ts';

export function refusedCases(): Case[] {
  const withHeaders =
    (headers: Record<string, string>): Step['tamper'] =>
    (request) => ({ ...request, headers: { ...request.headers, ...headers } });
  const authorization =
    (change: (text: string) => string): Step['tamper'] =>
    (request) =>
      withHeaders({ authorization: change(request.headers?.authorization ?? '') })?.(request) ?? request;
  const tampered: [string, Step['tamper']][] = [
    ['another signature', authorization((text) => text.replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`))],
    ['a short signature', authorization((text) => text.replace(/Signature=.*/, 'Signature=00'))],
    ['another key id', authorization((text) => text.replace(/Credential=[^/]*/, 'Credential=nobody'))],
    ['another path', (request) => ({ ...request, path: `${request.path}x` })],
    ['another method', (request) => ({ ...request, method: 'DELETE' })],
    ['another parameter', (request) => ({ ...request, path: `${request.path}?x=y` })],
    ['another date', withHeaders({ 'x-amz-date': '20200101T000000Z' })],
    ['no date', (request) => withHeaders({ 'x-amz-date': '' })?.(request) ?? request],
    ['no algorithm', authorization((text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1'))],
    ['half a credential', authorization((text) => text.replace('/s3/aws4_request', ''))],
    ['another region', authorization((text) => text.replace('us-east-1', 'eu-central-1'))],
    ['another service', authorization((text) => text.replace('/s3/', '/ec2/'))],
    ['an unsigned x-amz-meta header', withHeaders({ 'x-amz-meta-late': 'x' })],
    ['a malformed authorization', withHeaders({ authorization: 'nonsense' })],
    [
      'no authorization',
      ({ headers: { authorization: _, ...others } = {}, ...request }) => ({ ...request, headers: others }),
    ],
    ['the hash of another body', withHeaders({ 'x-amz-content-sha256': md5('x').repeat(2) })],
  ];
  const others: [string, Step[]][] = [
    [
      'GET of a missing object',
      [{ at: '/missing' }, { method: 'HEAD', at: '/missing' }, { method: 'DELETE', at: '/missing' }],
    ],
    ['the bucket', [{ method: 'HEAD', at: '' }]],
    [
      'another bucket',
      [
        { at: '-other/key' },
        { method: 'HEAD', at: '-other/key' },
        { method: 'PUT', at: '-other/key', text: 'x' },
        { method: 'DELETE', at: '-other/key' },
        { method: 'HEAD', at: '-other' },
      ],
    ],
    [
      'an anonymous GET',
      [
        put('private'),
        { at: '/private', isUnsigned: true },
        { method: 'PUT', at: '/private', text: 'x', isUnsigned: true },
      ],
    ],
    ['a POST to an object', [{ method: 'POST', at: '/posted', text: 'x' }]],
    ['no content-length', [{ method: 'PUT', at: '/chunked', text: 'x', headers: { 'transfer-encoding': 'chunked' } }]],
  ];
  return [
    ...tampered.map(([name, tamper = (request) => request]) => ({
      name: `a PUT with ${name}`,
      steps: [{ ...put('tampered'), tamper }],
    })),
    ...others.map(([name, steps]) => ({ name, steps })),
  ];
}

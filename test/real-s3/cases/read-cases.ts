import type { Step } from '../compare-stores.ts';
import { type Case, describe, md5, put } from './case.ts';

export function rangeCases(): Case[] {
  const ranges = [
    '0-0',
    '0-4',
    '1-3',
    '4-',
    '5-',
    '-1',
    '-5',
    '-9',
    '-0',
    '3-1',
    '0-99',
    '99-100',
    'a-b',
    '',
    '-',
    '0-1,3-4',
    '1--3',
    ' 0-1',
    '0-1 ',
  ];
  return ['hello', 'x', ''].flatMap((text) => [
    {
      name: `ranges of ${text.length} bytes`,
      steps: [put(`range${text.length}`, text)],
    },
    ...ranges.map((range) => ({
      name: `bytes=${range} of ${text.length} bytes`,
      steps: [put(`range${text.length}`, text), { at: `/range${text.length}`, headers: { range: `bytes=${range}` } }],
    })),
    {
      name: `other units of ${text.length} bytes`,
      steps: [put(`range${text.length}`, text), { at: `/range${text.length}`, headers: { range: 'lines=0-1' } }],
    },
    {
      name: `HEAD with a range of ${text.length} bytes`,
      steps: [
        put(`range${text.length}`, text),
        { method: 'HEAD', at: `/range${text.length}`, headers: { range: 'bytes=0-0' } },
      ],
    },
  ]);
}

export function conditionCases(): Case[] {
  const etag = `"${md5('hello')}"`;
  const past = 'Mon, 01 Jan 2001 00:00:00 GMT';
  const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
  const conditions: Record<string, string>[] = [
    { 'if-match': etag },
    { 'if-match': md5('hello') },
    { 'if-match': '"other"' },
    { 'if-match': '*' },
    { 'if-none-match': etag },
    { 'if-none-match': '"other"' },
    { 'if-none-match': '*' },
    { 'if-modified-since': past },
    { 'if-modified-since': future },
    { 'if-unmodified-since': past },
    { 'if-unmodified-since': future },
    { 'if-modified-since': 'nonsense' },
    { 'if-match': etag, 'if-unmodified-since': past },
    { 'if-none-match': '"other"', 'if-modified-since': future },
    { 'if-none-match': etag, 'if-modified-since': past },
  ];
  const reads = conditions.flatMap((headers) =>
    ['GET', 'HEAD'].map((method) => ({
      name: `${method} with ${describe(headers)}`,
      steps: [put('conditional'), { method, at: '/conditional', headers }],
    })),
  );
  const writes: [string, Step[]][] = [
    ['PUT with If-None-Match: * on nothing', [put('new-1', 'x', { 'if-none-match': '*' })]],
    [
      'PUT with If-None-Match: * on something',
      [put('new-2'), put('new-2', 'x', { 'if-none-match': '*' }), { at: '/new-2' }],
    ],
    ['PUT with If-Match', [put('new-3'), put('new-3', 'x', { 'if-match': etag }), { at: '/new-3' }]],
    ['PUT with another If-Match', [put('new-4'), put('new-4', 'x', { 'if-match': '"other"' }), { at: '/new-4' }]],
    ['PUT with If-Match on nothing', [put('new-5', 'x', { 'if-match': etag })]],
    ['PUT with If-None-Match and an ETag', [put('new-6', 'x', { 'if-none-match': etag })]],
  ];
  return [...reads, ...writes.map(([name, steps]) => ({ name, steps }))];
}

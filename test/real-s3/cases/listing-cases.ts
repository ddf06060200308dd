import type { Step } from '../compare-stores.ts';
import { type Case, put } from './case.ts';

export function listingCases(): Case[] {
  const keys = [
    'a',
    'a%20b',
    'b/',
    'b/1',
    'b/2/x',
    'b/2/y',
    'c/z',
    'Z',
    '%C3%A9',
    '%EF%BF%AE',
    '%F0%9F%98%80',
    'd%26%3C',
  ];
  const fill = keys.map((key) => put(`list/${key}`, key));
  const queries = [
    '',
    '&delimiter=/',
    '&delimiter=%20',
    '&delimiter=2/',
    '&max-keys=0',
    '&max-keys=2',
    '&max-keys=5000',
    '&max-keys=-1',
    '&max-keys=x',
    '&encoding-type=url',
    '&encoding-type=xml',
    '&delimiter=/&encoding-type=url',
    '&start-after=list/b/',
    '&start-after=list/b/1',
    '&start-after=list/b/1&delimiter=/',
    '&start-after=list/b/&delimiter=/',
    '&start-after=list/zzz',
    '&continuation-token=nonsense',
  ];
  const prefixes = ['list/', 'list/b', 'list/b/', 'list/nothing'];
  const pages: Step[] = [1, 2, 3].flatMap((size) => {
    const at = `?list-type=2&prefix=list/&delimiter=/&max-keys=${size}`;
    const further = Math.ceil(9 / size) - 1;
    return [{ at }, ...Array.from({ length: further }, () => ({ at: `${at}&continuation-token={token}` }))];
  });
  return [
    { name: 'objects to list', steps: fill },
    ...queries.map((query) => ({ name: `a list with ${query}`, steps: [{ at: `?list-type=2&prefix=list/${query}` }] })),
    ...prefixes.map((prefix) => ({ name: `a list of ${prefix}`, steps: [{ at: `?list-type=2&prefix=${prefix}` }] })),
    ...prefixes.map((prefix) => ({
      name: `a list of ${prefix} with a delimiter`,
      steps: [{ at: `?list-type=2&delimiter=/&prefix=${prefix}` }],
    })),
    { name: 'pages of a list', steps: pages },
    ...[
      '',
      '&delimiter=/',
      '&max-keys=2',
      '&max-keys=2&delimiter=/',
      '&marker=list/b/1',
      '&marker=list/b/&delimiter=/',
    ].map((query) => ({ name: `a V1 list with ${query}`, steps: [{ at: `?prefix=list/${query}` }] })),
    { name: 'a V1 list of another bucket', steps: [{ at: '-other' }] },
    { name: 'a list of another bucket', steps: [{ at: '-other?list-type=2' }] },
  ];
}

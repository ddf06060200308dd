import type { Step } from '../compare-stores.ts';
import { type Case, contentMd5, put } from './case.ts';

export function taggingCases(): Case[] {
  const tags = (pairs: readonly (readonly [string, string])[]) =>
    `<Tagging><TagSet>${pairs.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('')}</TagSet></Tagging>`;
  const set = (text: string): Step => ({ method: 'PUT', at: '/tagged?tagging', text, headers: contentMd5(text) });
  const bodies: [string, string][] = [
    [
      'two',
      tags([
        ['a', 'b'],
        ['c', 'd e'],
      ]),
    ],
    ['none', tags([])],
    ['ten', tags(Array.from({ length: 10 }, (_, index) => [`k${index}`, '']))],
    ['eleven', tags(Array.from({ length: 11 }, (_, index) => [`k${index}`, '']))],
    ['a long key', tags([['k'.repeat(129), 'v']])],
    ['a long value', tags([['k', 'v'.repeat(257)]])],
    [
      'a repeated key',
      tags([
        ['k', '1'],
        ['k', '2'],
      ]),
    ],
    ['no document', ''],
    ['another document', '<Other/>'],
  ];
  return [
    ...bodies.map(([name, text]) => ({
      name: `tags: ${name}`,
      steps: [
        put('tagged', 'x', { 'x-amz-tagging': 'old=1' }),
        set(text),
        { at: '/tagged?tagging' },
        { method: 'HEAD', at: '/tagged' },
      ],
    })),
    {
      name: 'tags: deleted',
      steps: [
        put('tagged', 'x', { 'x-amz-tagging': 'old=1' }),
        { method: 'DELETE', at: '/tagged?tagging' },
        { at: '/tagged?tagging' },
      ],
    },
    { name: 'tags: of nothing', steps: [{ at: '/missing?tagging' }, { method: 'DELETE', at: '/missing?tagging' }] },
  ];
}

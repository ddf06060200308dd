import type { Step } from '../compare-stores.ts';
import { type Case, contentMd5, put } from './case.ts';

export function deleteCases(): Case[] {
  const remove = (text: string, headers: Record<string, string> = contentMd5(text)): Step => ({
    method: 'POST',
    at: '?delete',
    text,
    headers,
  });
  const object = (key: string) => `<Object><Key>${key}</Key></Object>`;
  const cases: [string, Step[]][] = [
    [
      'two keys and a missing one',
      [put('d1'), put('d2'), remove(`<Delete>${object('d1')}${object('d2')}${object('d3')}</Delete>`), { at: '/d1' }],
    ],
    ['quietly', [put('d4'), remove(`<Delete>${object('d4')}<Quiet>true</Quiet></Delete>`), { at: '/d4' }]],
    ['keys with entities', [put('d%26%3C'), remove(`<Delete>${object('d&amp;&lt;')}</Delete>`), { at: '/d%26%3C' }]],
    ['nothing', [remove('<Delete></Delete>')]],
    ['a body that is not XML', [remove('x')]],
    ['no body', [remove('')]],
    ['without a digest', [put('d5'), remove(`<Delete>${object('d5')}</Delete>`, {}), { at: '/d5' }]],
    ['with another digest', [put('d6'), remove(`<Delete>${object('d6')}</Delete>`, contentMd5('x')), { at: '/d6' }]],
    [
      '1,001 keys',
      [remove(`<Delete>${Array.from({ length: 1001 }, (_, index) => object(`n${index}`)).join('')}</Delete>`)],
    ],
  ];
  return cases.map(([name, steps]) => ({ name: `DeleteObjects: ${name}`, steps }));
}

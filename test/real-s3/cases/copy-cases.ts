import type { Step } from '../compare-stores.ts';
import { type Case, md5, put } from './case.ts';

export function copyCases(): Case[] {
  const etag = `"${md5('hello')}"`;
  const copy = (to: string, headers: Record<string, string> = {}): Step => ({
    method: 'PUT',
    at: `/${to}`,
    headers: { 'x-amz-copy-source': '/{bucket}/copy%20source', ...headers },
  });
  const source = put('copy%20source', 'hello', { 'content-type': 'a/b', 'x-amz-meta-a': 'b', 'x-amz-tagging': 'c=d' });
  const look = (key: string): Step[] => [{ at: `/${key}` }, { at: `/${key}?tagging` }];
  const cases: [string, Step[]][] = [
    ['as it is', [copy('c1'), ...look('c1')]],
    ['without a slash', [copy('c2', { 'x-amz-copy-source': '{bucket}/copy%20source' }), ...look('c2')]],
    [
      'with other metadata',
      [
        copy('c3', { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-x': 'y', 'content-type': 'c/d' }),
        ...look('c3'),
      ],
    ],
    ['with metadata that is ignored', [copy('c4', { 'x-amz-meta-x': 'y', 'content-type': 'c/d' }), ...look('c4')]],
    ['with other tags', [copy('c5', { 'x-amz-tagging-directive': 'REPLACE', 'x-amz-tagging': 'x=y' }), ...look('c5')]],
    ['with another directive', [copy('c6', { 'x-amz-metadata-directive': 'OTHER' })]],
    ['onto itself', [copy('copy%20source')]],
    [
      'onto itself with other metadata',
      [
        put('c7'),
        copy('c7', { 'x-amz-copy-source': '/{bucket}/c7', 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-x': 'y' }),
        ...look('c7'),
      ],
    ],
    ['of a missing object', [copy('c8', { 'x-amz-copy-source': '/{bucket}/missing' })]],
    ['of another bucket', [copy('c9', { 'x-amz-copy-source': '/{bucket}-other/missing' })]],
    ['of no key', [copy('c10', { 'x-amz-copy-source': '{bucket}' })]],
    ['if it matches', [copy('c11', { 'x-amz-copy-source-if-match': etag }), ...look('c11')]],
    ['if another matches', [copy('c12', { 'x-amz-copy-source-if-match': '"other"' }), ...look('c12')]],
    ['if none matches', [copy('c13', { 'x-amz-copy-source-if-none-match': etag }), ...look('c13')]],
    ['if it changed', [copy('c14', { 'x-amz-copy-source-if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' })]],
    [
      'if it did not change',
      [copy('c15', { 'x-amz-copy-source-if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' })],
    ],
  ];
  return cases.map(([name, steps]) => ({ name: `a copy ${name}`, steps: [source, ...steps] }));
}

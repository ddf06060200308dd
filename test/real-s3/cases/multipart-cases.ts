import type { Step } from '../compare-stores.ts';
import { type Case, contentMd5, md5, put } from './case.ts';

const PART_BYTES = 5 * 1024 * 1024;
const FIRST = Buffer.alloc(PART_BYTES, 'first');
const LAST = 'the end';

export function multipartCases(): Case[] {
  const begin = (key: string, headers: Record<string, string> = {}): Step => ({
    method: 'POST',
    at: `/${key}?uploads`,
    headers,
  });
  const part = (
    key: string,
    number: number | string,
    body: Buffer | string = LAST,
    headers: Record<string, string> = {},
  ): Step => ({
    method: 'PUT',
    at: `/${key}?partNumber=${number}&uploadId={upload}`,
    body: Buffer.from(body),
    headers,
  });
  const list = (parts: readonly (readonly [number, string])[]) =>
    `<CompleteMultipartUpload>${parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
  const finish = (
    key: string,
    parts: readonly (readonly [number, string])[] | string,
    headers: Record<string, string> = {},
  ): Step => ({
    method: 'POST',
    at: `/${key}?uploadId={upload}`,
    text: typeof parts === 'string' ? parts : list(parts),
    headers,
  });
  const copyPart = (key: string, number: number, headers: Record<string, string>): Step => ({
    method: 'PUT',
    at: `/${key}?partNumber=${number}&uploadId={upload}`,
    headers: { 'x-amz-copy-source': '/{bucket}/m30-source', ...headers },
  });
  const abort = (key: string): Step => ({ method: 'DELETE', at: `/${key}?uploadId={upload}` });
  const [first, last] = [md5(FIRST), md5(LAST)];
  const cases: [string, Step[]][] = [
    [
      'a multipart upload',
      [
        begin('m1', { 'content-type': 'a/b', 'x-amz-meta-a': 'b' }),
        part('m1', 1, FIRST),
        part('m1', 2),
        finish('m1', [
          [1, first],
          [2, last],
        ]),
        { method: 'HEAD', at: '/m1' },
        { at: '/m1', headers: { range: `bytes=${PART_BYTES - 3}-${PART_BYTES + 2}` } },
      ],
    ],
    ['one small part', [begin('m2'), part('m2', 5), finish('m2', [[5, last]]), { at: '/m2' }]],
    ['a repeated part', [begin('m3'), part('m3', 1, 'old'), part('m3', 1), finish('m3', [[1, last]]), { at: '/m3' }]],
    ['a part left out', [begin('m4'), part('m4', 1), part('m4', 2, 'left'), finish('m4', [[1, last]]), { at: '/m4' }]],
    [
      'a small part before the last',
      [
        begin('m5'),
        part('m5', 1),
        part('m5', 2),
        finish('m5', [
          [1, last],
          [2, last],
        ]),
        abort('m5'),
      ],
    ],
    [
      'parts in another order',
      [
        begin('m6'),
        part('m6', 1, FIRST),
        part('m6', 2),
        finish('m6', [
          [2, last],
          [1, first],
        ]),
        abort('m6'),
      ],
    ],
    [
      'a part twice in the list',
      [
        begin('m7'),
        part('m7', 1, FIRST),
        finish('m7', [
          [1, first],
          [1, first],
        ]),
        abort('m7'),
      ],
    ],
    ['a part that is missing', [begin('m8'), part('m8', 1), finish('m8', [[2, last]]), abort('m8')]],
    ['another ETag', [begin('m9'), part('m9', 1), finish('m9', [[1, first]]), abort('m9')]],
    ['an empty list', [begin('m10'), part('m10', 1), finish('m10', []), abort('m10')]],
    ['no list', [begin('m11'), part('m11', 1), finish('m11', ''), abort('m11')]],
    ['a list that is not XML', [begin('m12'), part('m12', 1), finish('m12', '<x'), abort('m12')]],
    ['repeated completion', [begin('m13'), part('m13', 1), finish('m13', [[1, last]]), finish('m13', [[1, last]])]],
    [
      'a repeated abort',
      [begin('m14'), part('m14', 1), abort('m14'), abort('m14'), part('m14', 1), finish('m14', [[1, last]])],
    ],
    [
      'an abort of a completed one',
      [begin('m15'), part('m15', 1), finish('m15', [[1, last]]), abort('m15'), { at: '/m15' }],
    ],
    [
      'another key',
      [
        begin('m16'),
        part('m16x', 1),
        { at: '/m16x?uploadId={upload}' },
        finish('m16x', [[1, last]]),
        abort('m16x'),
        abort('m16'),
      ],
    ],
    [
      'no such upload',
      [
        { method: 'PUT', at: '/m17?partNumber=1&uploadId=nothing', text: 'x' },
        { at: '/m17?uploadId=nothing' },
        { method: 'DELETE', at: '/m17?uploadId=nothing' },
      ],
    ],
    ['part number 0', [begin('m18'), part('m18', 0), abort('m18')]],
    ['part number 10000', [begin('m19'), part('m19', 10_000), abort('m19')]],
    ['part number 10001', [begin('m20'), part('m20', 10_001), abort('m20')]],
    ['part number x', [begin('m21'), part('m21', 'x'), abort('m21')]],
    [
      'an MD5 of a part',
      [begin('m22'), part('m22', 1, LAST, contentMd5(LAST)), part('m22', 2, LAST, contentMd5('x')), abort('m22')],
    ],
    [
      'a list of parts',
      [
        begin('m23'),
        part('m23', 10),
        part('m23', 2),
        part('m23', 9),
        { at: '/m23?uploadId={upload}' },
        { at: '/m23?uploadId={upload}&max-parts=2' },
        { at: '/m23?uploadId={upload}&part-number-marker=2' },
        { at: '/m23?uploadId={upload}&max-parts=1&part-number-marker=9' },
        { at: '/m23?uploadId={upload}&part-number-marker=10' },
        { at: '/m23?uploadId={upload}&max-parts=0' },
        abort('m23'),
      ],
    ],
    ['a bad max-parts', [begin('m24'), { at: '/m24?uploadId={upload}&max-parts=x' }, abort('m24')]],
    [
      'completing over an object',
      [put('m25'), begin('m25'), part('m25', 1), finish('m25', [[1, last]], { 'if-none-match': '*' }), abort('m25')],
    ],
    [
      'completing without an object',
      [begin('m26'), part('m26', 1), finish('m26', [[1, last]], { 'if-none-match': '*' })],
    ],
    [
      'uploads',
      [
        begin('u/1'),
        begin('u/2/3'),
        begin('v'),
        { at: '?uploads&prefix=u' },
        { at: '?uploads&prefix=u&delimiter=/' },
        { at: '?uploads&prefix=u/&delimiter=/' },
        { at: '?uploads&prefix=w' },
        { at: '?uploads&max-uploads=1&prefix=u' },
        { at: '?uploads&key-marker=u/1&prefix=u' },
      ],
    ],
    ['an empty part', [begin('m27'), part('m27', 1, ''), finish('m27', [[1, md5('')]]), { at: '/m27' }]],
    [
      'tags of a multipart upload',
      [begin('m28', { 'x-amz-tagging': 'a=b' }), part('m28', 1), finish('m28', [[1, last]]), { at: '/m28?tagging' }],
    ],
    [
      'parts that are copies',
      [
        put('m30-source', 'a source'),
        begin('m30'),
        copyPart('m30', 1, {}),
        copyPart('m30', 1, { 'x-amz-copy-source-range': 'bytes=2-7' }),
        finish('m30', [[1, md5('source')]]),
        { at: '/m30' },
      ],
    ],
    [
      'a part copied from a missing object',
      [begin('m31'), copyPart('m31', 1, { 'x-amz-copy-source': '/{bucket}/missing' }), abort('m31')],
    ],
    [
      'a copy of too many bytes',
      [begin('m32'), copyPart('m32', 1, { 'x-amz-copy-source-range': 'bytes=2-99' }), abort('m32')],
    ],
    [
      'a copy of a malformed range',
      [begin('m33'), copyPart('m33', 1, { 'x-amz-copy-source-range': 'bytes=x' }), abort('m33')],
    ],
    [
      'GET of a part',
      [
        begin('m34'),
        part('m34', 1, FIRST),
        part('m34', 2),
        finish('m34', [
          [1, first],
          [2, last],
        ]),
        { at: '/m34?partNumber=2' },
        { method: 'HEAD', at: '/m34?partNumber=1' },
        { at: '/m34?partNumber=3' },
      ],
    ],
    [
      'a SHA-256 of another part',
      [
        begin('m29', { 'x-amz-checksum-algorithm': 'SHA256' }),
        part('m29', 1, LAST, { 'x-amz-checksum-sha256': '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' }),
        abort('m29'),
      ],
    ],
  ];
  return cases.map(([name, steps]) => ({ name: `multipart: ${name}`, steps }));
}

import { createHash } from 'node:crypto';
import type { Step } from '../compare-stores.ts';
import { type Case, put } from './case.ts';

const SSE = 'x-amz-server-side-encryption';
const BODY = 'a secret of one patient';

/** The headers of SSE-C with the key of 32 such bytes; `''` leaves a header out. */
function keyOf(fill: number, change: { algorithm?: string; key?: string; md5?: string } = {}, of = SSE) {
  const key = Buffer.alloc(32, fill);
  const md5 = createHash('md5').update(key).digest('base64');
  const values = { algorithm: 'AES256', key: key.toString('base64'), md5, ...change };
  const headers = [
    [`${of}-customer-algorithm`, values.algorithm],
    [`${of}-customer-key`, values.key],
    [`${of}-customer-key-md5`, values.md5],
  ] as const;
  return Object.fromEntries(headers.filter(([, value]) => value !== ''));
}

/** SSE-C and SSE-KMS. An encrypted object's ETag is not its MD5 on AWS and on the embedded bucket. */
export function encryptionCases(): Case[] {
  const [own, other] = [keyOf(1), keyOf(2)];
  const sealed = (key: string, headers: Record<string, string> = own) => put(key, BODY, headers);
  const get = (key: string, headers: Record<string, string> = {}): Step => ({ at: `/${key}`, headers });
  const head = (key: string, headers: Record<string, string> = {}): Step => ({ ...get(key, headers), method: 'HEAD' });
  const range = { range: 'bytes=2-7' };
  const reads: [string, Record<string, string>][] = [
    ['its key', own],
    ['no key', {}],
    ['another key', other],
    ['another key and its MD5', keyOf(1, { key: Buffer.alloc(32, 2).toString('base64') })],
    ['another MD5', keyOf(1, { md5: createHash('md5').update('x').digest('base64') })],
    ['no MD5', keyOf(1, { md5: '' })],
    ['no algorithm', keyOf(1, { algorithm: '' })],
    ['an algorithm and no key', keyOf(1, { key: '', md5: '' })],
    ['another algorithm', keyOf(1, { algorithm: 'AES128' })],
    ['a short key', keyOf(1, { key: Buffer.alloc(31, 1).toString('base64') })],
    ['a key that is not base64', keyOf(1, { key: '!'.repeat(44) })],
  ];
  const copy = (to: string, from: string, headers: Record<string, string>): Step => ({
    method: 'PUT',
    at: `/${to}`,
    headers: { 'x-amz-copy-source': `/{bucket}/${from}`, ...headers },
  });
  const source = keyOf(1, {}, 'x-amz-copy-source-server-side-encryption');
  const parts = (name: string, begun: Record<string, string>, sent: Record<string, string>): [string, Step[]] => {
    const key = `enc-parts-${name.replaceAll(' ', '-')}`;
    const text =
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>';
    return [
      `parts ${name}`,
      [
        { method: 'POST', at: `/${key}?uploads`, headers: begun },
        { method: 'PUT', at: `/${key}?partNumber=1&uploadId={upload}`, text: BODY.repeat(9000), headers: sent },
        { at: `/${key}?uploadId={upload}`, headers: sent },
        { method: 'POST', at: `/${key}?uploadId={upload}`, text, headers: sent },
        { ...get(key, { ...own, range: 'bytes=131070-131075' }) },
        get(key),
        { method: 'DELETE', at: `/${key}?uploadId={upload}` },
      ],
    ];
  };
  const kms = (key: string, headers: Record<string, string>): Step => sealed(key, { [SSE]: 'aws:kms', ...headers });
  const named = { [`${SSE}-aws-kms-key-id`]: 'kms-1' };
  const cases: [string, Step[]][] = [
    ...reads.map(([name, headers]): [string, Step[]] => [`GET with ${name}`, [sealed('enc'), get('enc', headers)]]),
    ...reads.map(([name, headers]): [string, Step[]] => [`HEAD with ${name}`, [sealed('enc'), head('enc', headers)]]),
    ...reads
      .slice(0, 3)
      .map(([name, headers]): [string, Step[]] => [
        `a range with ${name}`,
        [sealed('enc'), get('enc', { ...headers, ...range })],
      ]),
    ...reads
      .slice(2)
      .map(([name, headers], index): [string, Step[]] => [
        `PUT with ${name}`,
        [sealed(`enc-put-${index}`, headers), get(`enc-put-${index}`, headers), get(`enc-put-${index}`)],
      ]),
    ['a range beyond the end', [sealed('enc'), get('enc', { ...own, range: 'bytes=99-' })]],
    ['GET with a key of what has none', [put('enc-plain', BODY), get('enc-plain', own), head('enc-plain', own)]],
    ['GET of nothing with a key', [get('enc-nothing', own), head('enc-nothing', own)]],
    ['no bytes', [put('enc-empty', '', own), get('enc-empty', own), get('enc-empty')]],
    [
      'PUT with a key over what has none',
      [put('enc-over', 'plain'), sealed('enc-over'), get('enc-over', own), get('enc-over')],
    ],
    ['PUT without a key over what has one', [sealed('enc-back'), put('enc-back', 'plain'), get('enc-back')]],
    ['a key beside SSE-S3', [sealed('enc-both', { ...own, [SSE]: 'AES256' })]],
    [
      'its list and its removal need no key',
      [sealed('enc-gone'), { at: '?prefix=enc-gone' }, { method: 'DELETE', at: '/enc-gone' }, get('enc-gone', own)],
    ],
    [
      'a copy with both keys',
      [sealed('enc'), copy('enc-c1', 'enc', { ...source, ...other }), get('enc-c1', other), get('enc-c1')],
    ],
    ['a copy to no key', [sealed('enc'), copy('enc-c2', 'enc', source), get('enc-c2')]],
    ['a copy without the source’s key', [sealed('enc'), copy('enc-c3', 'enc', other), get('enc-c3', other)]],
    [
      'a copy with another key of the source',
      [sealed('enc'), copy('enc-c4', 'enc', keyOf(2, {}, 'x-amz-copy-source-server-side-encryption')), get('enc-c4')],
    ],
    [
      'a copy with a key of what has none',
      [put('enc-plain', BODY), copy('enc-c5', 'enc-plain', own), get('enc-c5', own), get('enc-c5')],
    ],
    parts('with the key', own, own),
    parts('without the key', own, {}),
    parts('with another key', own, other),
    parts('with a key that did not begin so', {}, own),
    ['KMS', [kms('enc-kms', named), get('enc-kms'), head('enc-kms')]],
    ['KMS with an unknown key', [kms('enc-kms2', { [`${SSE}-aws-kms-key-id`]: 'unknown' }), get('enc-kms2')]],
    [
      'KMS with a context',
      [kms('enc-kms3', { ...named, [`${SSE}-context`]: Buffer.from('{"a":"b"}').toString('base64') }), get('enc-kms3')],
    ],
    ['KMS and a key', [kms('enc-kms4', { ...named, ...own })]],
    ['another encryption', [sealed('enc-other', { [SSE]: 'aws:other' })]],
  ];
  return cases.map(([name, steps]) => ({
    name: `encryption: ${name}`,
    steps: steps.map((step) => ({ ...step, isEtagOpen: true })),
  }));
}

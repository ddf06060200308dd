import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeText } from '../../src/contract/metadata-text.ts';
import { isCleanText } from '../../src/contract/object-key.ts';
import {
  ANY_TYPE,
  fromMetadata,
  metadataHeaders,
  toMetadata,
  toRemembered,
} from '../../src/uploads/upload-metadata.ts';

const clean = fc.string({ unit: 'grapheme', maxLength: 60 }).filter(isCleanText);
const upload = fc.record({
  remembered: fc
    .record({
      fileName: clean.filter((name) => name !== ''),
      metadata: fc.dictionary(
        fc.stringMatching(/^[a-z0-9-]{1,32}$/).filter((name) => !name.startsWith('signpost-')),
        clean,
        { noNullPrototype: true },
      ),
    })
    .map(toRemembered),
  sizeBytes: fc.option(fc.nat(2 ** 31), { nil: null }),
  contentType: fc.constantFrom('text/plain', 'image/png; a="b c"', ANY_TYPE),
  checksumSha256: fc.option(fc.constant('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='), { nil: null }),
  isRepeatable: fc.boolean(),
});

describe('upload metadata', () => {
  it('reads back any text as written', () => {
    fc.assert(
      fc.property(upload, (given) => {
        expect(fromMetadata(toMetadata(given))).toEqual(given);
      }),
      { numRuns: 2000 },
    );
  });

  it('contains no encoded word of RFC 2047, which S3 would decode', () => {
    const word = '=?utf-8?q?=C3=BC?=';
    const given = {
      ...{ sizeBytes: 5, contentType: `text/plain; a="${word}"`, checksumSha256: null, isRepeatable: false },
      remembered: toRemembered({
        fileName: `${word}.txt`,
        metadata: { a: word, b: `in the middle ${word} of it`, c: '=?', d: '=?x?b?eA==' },
      }),
    };
    const sent = toMetadata(given);
    for (const value of Object.values(sent)) expect(value).not.toContain('=?');
    expect(fromMetadata(sent)).toEqual(given);
    // The form that older versions wrote.
    expect(fromMetadata({ ...sent, a: word })?.remembered.metadata.a).toBe(word);
  });

  it('has only characters that no store and no signature changes', () => {
    fc.assert(
      fc.property(upload, (given) => {
        for (const value of Object.values(metadataHeaders(toMetadata(given)))) {
          expect(value).toMatch(/^[\x21-\x7e]+( [\x21-\x7e]+)*$/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const named = { 'signpost-name': 'a', 'signpost-size': '1', 'signpost-type': 'a/b' };
  it.each<[string, Record<string, string>]>([
    ['no entries', {}],
    ['no type', { 'signpost-name': 'a', 'signpost-size': '1' }],
    ['an empty name', { ...named, 'signpost-name': '' }],
    ['a negative size', { ...named, 'signpost-size': '-1' }],
    ['a size with a leading zero', { ...named, 'signpost-size': '01' }],
    ['a size that is not a number', { ...named, 'signpost-size': '**' }],
    ['a name that decodes to nothing', { ...named, 'signpost-name': '~' }],
    ['a name that is encoded without need', { ...named, 'signpost-name': '~YQ' }],
    ['a name with line breaks', { ...named, 'signpost-name': `~${Buffer.from('a\r\nb').toString('base64url')}` }],
    ['a value that is not base64url', { ...named, other: '~!' }],
  ])('is not read from %s', (_name, stored) => {
    expect(fromMetadata(stored)).toBeNull();
  });
});

describe('encodeText', () => {
  it('keeps text that headers keep, and encodes the rest', () => {
    expect(encodeText('lease 2026.pdf')).toBe('lease 2026.pdf');
    expect(encodeText('a=b? c')).toBe('a=b? c');
    expect(['', ' a', 'a  b', 'ü', '~'].map((text) => encodeText(text)[0])).toEqual(['~', '~', '~', '~', '~']);
  });
});

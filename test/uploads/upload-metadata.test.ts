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
      encryption: fc.option(fc.stringMatching(/^[A-Za-z0-9._-]{1,512}$/), { nil: undefined }),
    })
    .map(toRemembered),
  sizeBytes: fc.option(fc.nat(2 ** 31), { nil: null }),
  contentType: fc.constantFrom('text/plain', 'image/png; a="b c"', ANY_TYPE),
  checksumSha256: fc.option(fc.constant('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='), { nil: null }),
  isRepeatable: fc.boolean(),
});
const limits = fc.record(
  { maxBytes: fc.maxSafeNat(), quotaBytes: fc.maxSafeNat(), quotaFiles: fc.maxSafeNat(), maxFiles: fc.maxSafeNat() },
  { requiredKeys: [], noNullPrototype: true },
);

describe('upload metadata', () => {
  it('reads back any text as written', () => {
    fc.assert(
      fc.property(upload, (given) => {
        expect(fromMetadata(toMetadata(given))).toEqual(given);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back the limits of a ticket, and refuses what it did not write', () => {
    fc.assert(
      fc.property(upload, limits, (given, limitedTo) => {
        expect(fromMetadata(toMetadata({ ...given, limitedTo }))).toEqual({ ...given, limitedTo });
      }),
    );
    const given = fc.sample(upload, 1)[0];
    if (given === undefined) throw new Error('no sample');
    for (const text of ['', '1', '1.2.3', '1.2.3.4.5', '-1...', 'A...', '1e3.., .', `${'z'.repeat(12)}...`]) {
      expect(fromMetadata({ ...toMetadata(given), 'signpost-limits': text })).toBeNull();
    }
  });

  it('with all that is allowed, stays below what S3 takes', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const largest = {
      remembered: toRemembered({ fileName: '\u{10ffff}'.repeat(63), metadata: {} }),
      contentType: 'a'.repeat(128),
      checksumSha256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
      isRepeatable: true,
      limitedTo: { quotaBytes: most, quotaFiles: most, maxFiles: most },
    };
    for (const sent of [
      toMetadata({ ...largest, sizeBytes: most }),
      toMetadata({ ...largest, sizeBytes: null, limitedTo: { ...largest.limitedTo, maxBytes: most } }),
    ]) {
      const own = Object.entries(sent).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      // Ten pairs of the client's: names of 32 bytes, and 1,024 bytes of values.
      expect(own + 320 + 1024).toBeLessThanOrEqual(2048);
    }
  });

  it('contains no encoded word of RFC 2047, which S3 would decode', () => {
    const word = '=?utf-8?q?=C3=BC?=';
    const given = {
      sizeBytes: 5,
      contentType: `text/plain; a="${word}"`,
      checksumSha256: null,
      isRepeatable: false,
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
    ['a type that is not base64url', { ...named, 'signpost-type': '~!' }],
    ['a type that decodes to nothing', { ...named, 'signpost-type': '~' }],
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

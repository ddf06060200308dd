import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/errors.ts';
import {
  buildObjectKey,
  frozenKey,
  isCleanText,
  parseFrozenKey,
  parseObjectKey,
  parseOwnKey,
  safeFileName,
  toUserId,
  type UserId,
  userPrefix,
  userSegment,
} from '../../src/contract/object-key.ts';

const FILE_ID = '0198c0de-0000-7000-8000-000000000001';
const user = (id: string): UserId => {
  const userId = toUserId(id);
  if (userId === null) throw new Error(`${id} is no user id`);
  return userId;
};
const anyUser = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((text) => toUserId(text) !== null)
  .map(user);
const anyLabel = fc.option(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), { nil: null });

describe('toUserId', () => {
  it.each(['alice', 'auth0|5f7c', 'user@example.com', '用户一', 'ольга', '..', '~', '_'])('accepts %s', (id) => {
    expect(toUserId(id)).toBe(id);
  });

  it.each([
    ['', 'empty'],
    ['a\u0000b', 'NUL'],
    ['a\nb', 'newline'],
    ['\ud800', 'a lone surrogate'],
    ['x'.repeat(256), 'long'],
    [7, 'a number'],
  ])('refuses %j (%s)', (id: unknown, _) => {
    expect(toUserId(id)).toBeNull();
  });
});

describe('userSegment', () => {
  it('keeps a plain id and encodes any other', () => {
    expect(userSegment(user('alice_7-B'))).toBe('alice_7-B');
    expect(userSegment(user('a/b'))).toBe('~YS9i');
    expect(userSegment(user('..'))).toBe('~Li4');
  });

  it('is different for every user', () => {
    fc.assert(
      fc.property(anyUser, anyUser, (a, b) => {
        expect(userSegment(a) === userSegment(b)).toBe(a === b);
        expect(userSegment(a)).toMatch(/^~?[A-Za-z0-9_-]+$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('safeFileName', () => {
  it.each([
    ['lease 2026.pdf', 'lease_2026.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\a\\x.txt', 'x.txt'],
    ['..', 'file'],
    ['....', 'file'],
    ['folder/', 'file'],
    ['日本語.png', '___.png'],
    ['a\r\nb', 'a__b'],
    ['.htaccess', '.htaccess'],
    [`${'x'.repeat(200)}.jpeg`, `${'x'.repeat(123)}.jpeg`],
    [`a.${'x'.repeat(200)}`, `a.${'x'.repeat(126)}`],
  ])('makes %j %j', (name, expected) => {
    expect(safeFileName(name)).toBe(expected);
  });

  it('makes every name a segment that URLs do not change', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const safe = safeFileName(name);
        expect(safe).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
        expect(new URL(`http://h/a/${safe}`).pathname).toBe(`/a/${safe}`);
        expect(safeFileName(safe)).toBe(safe);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('object keys', () => {
  it('have their parts in the documented order', () => {
    const parts = {
      userId: user('alice'),
      recordId: 'case-42',
      documentType: null,
      fileId: FILE_ID,
      fileName: 'a.pdf',
    };
    expect(buildObjectKey('up/', parts)).toBe(`up/alice/case-42/_/${FILE_ID}/a.pdf`);
  });

  it('parse back into their parts, and have at most the 1,024 bytes of S3', () => {
    fc.assert(
      fc.property(anyUser, anyLabel, anyLabel, fc.string(), (userId, recordId, documentType, name) => {
        const parts = { userId, recordId, documentType, fileId: FILE_ID, fileName: safeFileName(name) };
        const key = buildObjectKey('p/', parts);
        expect(parseObjectKey('p/', key)).toEqual({ key, ...parts });
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 2000 },
    );
  });

  it('parse only if building them again gives the same key', () => {
    const almost = fc
      .tuple(
        fc.constantFrom('alice', '~YS9i', '~YS9', '~YWxpY2U', '~YS9i=', '', '.', '..', '_'),
        fc.string(),
        fc.string(),
      )
      .map(([segment, record, name]) => `${segment}/${record}/_/${FILE_ID}/${name}`);
    fc.assert(
      fc.property(almost, (key) => {
        const parsed = parseObjectKey('', key);
        if (parsed !== null) expect(buildObjectKey('', parsed)).toBe(key);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    `alice/_/_/${FILE_ID}/..`,
    `alice/_/_/${FILE_ID}/a b`,
    `alice/_/_/${FILE_ID}/a/b`,
    `alice/_/_/${FILE_ID.toUpperCase()}/a`,
    'alice/_/_/0198c0de-0000-4000-8000-000000000001/a',
    `alice/__/_/${FILE_ID}/a`,
    `~YWxpY2U/_/_/${FILE_ID}/a`,
    `~YS9i=/_/_/${FILE_ID}/a`,
    `/alice/_/_/${FILE_ID}/a`,
  ])('do not parse from %s', (key) => {
    expect(parseObjectKey('', key)).toBeNull();
  });
});

describe('the prefix of all keys', () => {
  const parts = { userId: user('alice'), recordId: null, documentType: null, fileId: FILE_ID, fileName: 'a.txt' };
  const key = buildObjectKey('p/', parts);
  const copy = frozenKey('p/', key, FILE_ID);

  it('is that of uploads and of their copies', () => {
    expect(parseFrozenKey('p/', copy)).toEqual({ key, ...parts });
    expect([parseObjectKey('q/', key), parseFrozenKey('q/', copy), parseObjectKey('p/', copy)]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it.each([key, copy.replace(FILE_ID, 'x'), copy.replace('alice', '..'), `p/.verified/${FILE_ID}`])(
    'does not make %s a copy',
    (other) => expect(parseFrozenKey('p/', other)).toBeNull(),
  );
});

describe('parseOwnKey', () => {
  const keyOf = (owner: string) => `${userPrefix('', user(owner))}_/_/${FILE_ID}/a.txt`;

  it('accepts the user’s own key', () => {
    expect(parseOwnKey('', user('al'), keyOf('al'))?.fileId).toBe(FILE_ID);
  });

  it.each(['alice', 'a', 'AL', 'al/'])('refuses the key of %s to al', (owner) => {
    expect(() => parseOwnKey('', user('al'), keyOf(owner))).toThrow(
      expect.objectContaining({ constructor: Problem, code: 'not-your-object' }),
    );
  });

  it('returns null for a key under the user’s prefix that was never signed', () => {
    expect(parseOwnKey('', user('al'), 'al/../alice/_/x')).toBeNull();
  });
});

describe('isCleanText', () => {
  it.each(['', 'naïve café.txt', '👩‍👩‍👧.png', 'שלום.pdf', 'a\u200fb', '\u2067שלום\u2069'])('accepts %j', (text) => {
    expect(isCleanText(text)).toBe(true);
  });

  it.each(['a\r\nb', 'a\u0000', 'a\u0085', 'fdp\u202Eexe', '\u202Da', '\udc00'])('refuses %j', (text) => {
    expect(isCleanText(text)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { fitFileName } from '../../src/client/fit-file-name.ts';

describe('fitFileName', () => {
  it.each([
    'lease 2026.pdf',
    'naïve.txt',
    '契約.pdf',
    'a/b.txt',
    '.env',
    '...',
    'é'.repeat(127),
    '\ufeffa',
    '👩‍👩‍👧‍👦.png',
  ])('leaves %s as it is', (name) => {
    expect(fitFileName(name)).toBe(name);
  });

  it.each([
    ['Icon\r', 'Icon'],
    ['Caf\u0082.pdf', 'Caf.pdf'],
    ['a\tb\n.txt', 'ab.txt'],
    ['a\u202efdp.exe', 'afdp.exe'],
    ['\ud800.txt', '\ufffd.txt'],
    ['\r\n', 'file'],
    ['', 'file'],
  ])('cleans %j', (name, expected) => {
    expect(fitFileName(name)).toBe(expected);
  });

  it.each([
    ['契'.repeat(90), '契'.repeat(85)],
    [`${'契'.repeat(90)}.pdf`, `${'契'.repeat(83)}.pdf`],
    [`${'한글'.normalize('NFD').repeat(40)}.hwp`, `${'한글'.repeat(40)}.hwp`],
    [`${'a'.repeat(300)}.tar.gz`, `${'a'.repeat(252)}.gz`],
    [`.${'a'.repeat(300)}`, `.${'a'.repeat(254)}`],
    [`a.${'b'.repeat(300)}`, `a.${'b'.repeat(253)}`],
    [`${'folder/'.repeat(40)}a.txt`, 'a.txt'],
    // Not through the middle of a family of 25 bytes, nor of a flag.
    [`${'👩‍👩‍👧‍👦'.repeat(20)}.png`, `${'👩‍👩‍👧‍👦'.repeat(10)}.png`],
    [`${'a'.repeat(250)}🇩🇪`, 'a'.repeat(250)],
    [`e${'\u0301'.repeat(200)}`, `\u00e9${'\u0301'.repeat(126)}`],
  ])('shortens %s', (name, expected) => {
    const fitted = fitFileName(name);
    expect(fitted).toBe(expected);
    expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(255);
  });
});
